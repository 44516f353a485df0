"""Wire formats: splitting, canonical meaning, stream assembly. Pure: no asyncio, no HTTP, no SQL."""
