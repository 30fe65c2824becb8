"""Real input: a page of sentences through a BERT encoder that the suite composes from an implementation's components."""
