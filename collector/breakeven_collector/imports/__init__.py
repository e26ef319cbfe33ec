"""What a provider's own account says: files and live pulls of OpenAI, Anthropic and FOCUS become lines of `billed`."""
