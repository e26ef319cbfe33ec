"""Calls that another tool kept: its export is read, made into spans and sent the way that every span goes.

rows      a file → its rows
litellm, langfuse, helicone   a row → `Call`
call      `Call` → an OTLP span with ids that are the same at every import
take      files → requests, and what is told about them
again     the same call once more: by a later export, or by its own span
target    where they are sent: a running collector, or the store itself
imported  what is imported: dollars beside theirs
"""
