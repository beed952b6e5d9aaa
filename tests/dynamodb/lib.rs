//! Nothing: what is tested is a page of the cookbook.
