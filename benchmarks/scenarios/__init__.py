"""What is measured. Each function makes its state, measures its work, verifies the result and answers `Figures`."""
