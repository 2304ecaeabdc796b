//! Nothing: the manifest says which features of dependencies the builds of the checks share.
