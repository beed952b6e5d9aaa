//! Programs with a mistake in `fail`, with what the compiler says about it; programs that compile in `pass`.
