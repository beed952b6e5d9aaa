//! Calls of the user's functions: guarded, timed, lent.
