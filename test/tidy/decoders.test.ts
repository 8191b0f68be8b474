import { existsSync } from 'node:fs';
import test from 'ava';
import { decoderFiles, elsewhere, fuzzedFiles } from './decoders.ts';

test('decoders: each file that takes apart what others made is fuzzed, or says why not', (t) => {
  const fuzzed = fuzzedFiles();
  const missing = decoderFiles().filter((file) => !fuzzed.has(file) && !(file in elsewhere));
  t.deepEqual(missing, [], 'give them a target in test/fuzz/targets, or a line in test/tidy/decoders.ts');
});

test('decoders: the list of those that are reached in another way only shrinks', (t) => {
  const fuzzed = fuzzedFiles();
  for (const file of Object.keys(elsewhere)) {
    t.true(existsSync(file), `${file} is gone`);
    t.false(fuzzed.has(file), `${file} is fuzzed by itself`);
  }
});
