import { expect, it } from 'vitest';
import { jsonDocument } from '../../src/cli/json-document.ts';

it('is one indented document with a newline at its end', () => {
  expect(jsonDocument({ a: [1] })).toBe('{\n  "a": [\n    1\n  ]\n}\n');
});

it('sends no control character to a terminal, and loses none', () => {
  const text = 'tag \u001b[2J \u009b2J \u202egnp.exe \u2028 ü 𝒳';
  const document = jsonDocument({ text });
  expect(document.replace('\n', '')).not.toMatch(
    /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2028]/,
  );
  expect(document).toContain('ü 𝒳');
  expect(JSON.parse(document)).toEqual({ text });
});
