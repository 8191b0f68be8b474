import test from 'ava';
import { compilePattern } from '../../agent/compute/pattern.ts';
import { cpuMs } from '../cpu-time.ts';

test('pattern: a hostile one ends in no time, a wrong one is refused', (t) => {
  const tookMs = cpuMs(() => {
    t.false(compilePattern('^(a+)+$')(`${'a'.repeat(250)}b`));
    t.false(compilePattern(`${'(a?)'.repeat(40)}${'a'.repeat(40)}b`)('a'.repeat(255)));
  });
  t.true(tookMs < 2_000, `${tookMs}`);
  for (const bad of ['(', ')', '[', '*', 'a|*', '\\', 'x'.repeat(256)])
    t.throws(() => compilePattern(bad), { message: /Cannot read the pattern/ }, bad);
});

test("pattern: it finds what JavaScript's own expressions find", (t) => {
  const patterns = [
    '',
    'a',
    'ab',
    'a|b',
    '^a',
    'b$',
    '^$',
    'a*b',
    'a+b?',
    '(ab)+',
    '[a-c]x',
    '[^a]',
    'a.c',
    '\\.',
    '\\d+',
    '^(a|b)*$',
    '(a|)b',
    '[]a]',
    '[a-]',
    '()*',
    '(a*)*b',
  ];
  const texts = [
    '',
    'a',
    'b',
    'ab',
    'abab',
    'aab',
    'bx',
    'dx',
    'abc',
    'a.c',
    '12',
    'web-1',
    ']',
    '-',
    'aaaa',
  ];
  for (const pattern of patterns) {
    // "[]a]" is POSIX: a bracket first stands for itself. JavaScript writes it otherwise.
    const theirs = new RegExp(pattern === '[]a]' ? '[\\]a]' : pattern);
    for (const text of texts)
      t.is(compilePattern(pattern)(text), theirs.test(text), `${pattern} in "${text}"`);
  }
});
