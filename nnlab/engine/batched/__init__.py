"""Many runs as one program: `stack.Stack` trains sessions side by side, `grouping` says which."""
