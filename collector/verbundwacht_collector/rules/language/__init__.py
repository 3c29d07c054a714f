"""The Verbundwacht profile of CEL: parse, check, compile. Pure."""
