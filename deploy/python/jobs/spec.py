"""Reading of a spec file: JSON fields checked by name and type, with messages that name the offending field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jobs.refusal import Refusal

REQUIRED: Any = object()
"""Default of a field that has none."""

LARGEST_SEED = (1 << 32) - 1


class Fields:
    """One object of a spec; every field is taken by name, and a field that nobody took is refused by `end`."""

    def __init__(self, values: Any, where: str) -> None:
        if not isinstance(values, dict):
            raise Refusal(f'Expected `{where}` to be a JSON object, got `{values!r}`.')
        self.values: dict[str, Any] = values
        self.where = where
        self.taken: set[str] = set()

    def _take(self, name: str, kinds: tuple[type, ...], what: str, default: Any) -> Any:
        self.taken.add(name)
        value = self.values.get(name)
        if value is None:
            if default is REQUIRED:
                raise Refusal(f'Expected `{self.where}.{name}` to be {what}, but the field is missing.')
            return default
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise Refusal(f'Expected `{self.where}.{name}` to be {what}, got `{value!r}`.')
        return value

    def text(self, name: str, default: Any = REQUIRED) -> Any:
        """A non-empty string."""
        value = self._take(name, (str,), 'a string', default)
        if value == '':
            raise Refusal(f'Expected `{self.where}.{name}` to be a string that is not empty, got `""`.')
        return value

    def choice(self, name: str, choices: tuple[str, ...], default: Any = REQUIRED) -> Any:
        """One of `choices`."""
        value = self._take(name, (str,), f'one of {", ".join(choices)}', default)
        if value is not default and value not in choices:
            raise Refusal(f'Expected `{self.where}.{name}` to be one of {", ".join(choices)}, got `{value}`.')
        return value

    def seed(self, name: str) -> int:
        """An integer from 0 to 2^32 - 1, the largest that numpy takes."""
        value = self.whole(name, 0)
        if value > LARGEST_SEED:
            raise Refusal(f'Expected `{self.where}.{name}` to be a seed from 0 to {LARGEST_SEED}, got `{value}`.')
        return int(value)

    def whole(self, name: str, least: int, default: Any = REQUIRED) -> Any:
        """An integer of at least `least`."""
        value = self._take(name, (int,), f'an integer ≥ {least}', default)
        if value is not default and value < least:
            raise Refusal(f'Expected `{self.where}.{name}` to be an integer ≥ {least}, got `{value}`.')
        return value

    def number(self, name: str, least: float, default: Any = REQUIRED) -> Any:
        """A finite number of at least `least`."""
        value = self._take(name, (int, float), f'a number ≥ {least}', default)
        if value is not default and not least <= value < float('inf'):
            raise Refusal(f'Expected `{self.where}.{name}` to be a finite number ≥ {least}, got `{value}`.')
        return value if value is default else float(value)

    def truth(self, name: str, default: Any = REQUIRED) -> Any:
        """true or false."""
        return self._take(name, (bool,), 'true or false', default)

    def texts(self, name: str, default: Any = REQUIRED) -> Any:
        """A list of strings."""
        value = self._take(name, (list,), 'a list of strings', default)
        if value is not default and not all(isinstance(entry, str) for entry in value):
            raise Refusal(f'Expected `{self.where}.{name}` to be a list of strings, got `{value!r}`.')
        return value

    def inner(self, name: str, default: Any = REQUIRED) -> Any:
        """An object, as Fields of its own."""
        value = self._take(name, (dict,), 'an object', default)
        return value if value is default else Fields(value, f'{self.where}.{name}')

    def end(self) -> None:
        """Refuse a field that no one asked for: a misspelt setting must not be ignored in silence."""
        unknown = sorted(set(self.values) - self.taken)
        if unknown:
            raise Refusal(
                f'Expected `{self.where}` to hold only {", ".join(sorted(self.taken))}; '
                f'it also holds {", ".join(unknown)}. Remove or correct these fields.'
            )


def read_spec(file: Path) -> Fields:
    """The top object of a spec file; raises Refusal where the file is missing or no JSON."""
    try:
        return Fields(json.loads(file.read_text(encoding='utf-8')), 'spec')
    except OSError as error:
        raise Refusal(f'Expected a readable spec file, got `{error}`. Check --spec.') from error
    except ValueError as error:
        raise Refusal(f'Expected {file} to be JSON: {error}.') from error
