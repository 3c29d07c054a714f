#!/bin/sh
# What the bench compares the agent with. Without them the figures beside these programs are left
# out, and everything else is measured.
sh "$(dirname "$0")/debian.sh" "The bench" lynis prometheus-node-exporter || [ $? -eq 2 ]
