//! `Debug` of what has nothing to show: what it is.

/// Of a type, with its parameters and their bounds as they are declared.
macro_rules! debug_by_name {
    ($name:ident $(<$($param:ident $(: $bound:tt $(+ $more:tt)*)?),*>)?) => {
        impl $(<$($param $(: $bound $(+ $more)*)?),*>)? ::std::fmt::Debug for $name $(<$($param),*>)? {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}

pub(crate) use debug_by_name;
