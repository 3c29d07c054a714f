"""What apt knows: which lists it has, which updates wait, whether they install by themselves."""
