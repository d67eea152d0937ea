@0xd12a1c51fedd6c88;
# The annotations that Go's compiler plug-in looks for, by their ids.

annotation package @0xbea97f1023792be0 (file) :Text;
annotation import @0xe130b601260e44b5 (file) :Text;
