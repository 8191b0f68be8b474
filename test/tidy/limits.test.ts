import { readFileSync } from 'node:fs';
import test from 'ava';
import { limitsFile, limitsPage, readLimits } from './limits.ts';

test('limits: the page says what the code says (node test/tidy/limits.ts writes it)', (t) => {
  t.is(readFileSync(limitsFile, 'utf8'), limitsPage());
});

test('limits: a constant is read with its value and its reason', (t) => {
  t.deepEqual(readLimits('/** Half a link. */\nexport const rateMax = 64 * MiB;\n'), [
    { name: 'rateMax', value: '64 * MiB', reason: 'Half a link.' },
  ]);
});
