import { randomBytes } from 'node:crypto';
import test from 'ava';
import { decodeFragments, encodeFragments, fragmentBytes } from '../../../agent/chunk/stripe/code.ts';
import { invert, invertMatrix, multiply } from '../../../agent/chunk/stripe/galois.ts';
import { multiplyRows } from '../../../agent/chunk/stripe/galois-kernel.ts';
import { type Code, codeName, codes, fragmentCount } from '../../../proto/policy.ts';

const indexesOf = (code: Code): number[] => Array.from({ length: fragmentCount(code) }, (_, index) => index);

/** All ways to take `size` of them. */
const choices = (items: readonly number[], size: number): number[][] => {
  if (size === 0) return [[]];
  return items.flatMap((item, at) => choices(items.slice(at + 1), size - 1).map((rest) => [item, ...rest]));
};

const survivors = (fragments: readonly Uint8Array[], lost: readonly number[]): Map<number, Uint8Array> =>
  new Map([...fragments.entries()].filter(([index]) => !lost.includes(index)));

test('galois: products and inverses are those of the field', (t) => {
  t.is(multiply(0x80, 2), 0x1d, 'x^8 is x^4 + x^3 + x^2 + 1');
  t.is(multiply(0, 7), 0);
  for (let a = 1; a < 256; a++) {
    t.is(multiply(a, invert(a)), 1);
    for (const [b, c] of [
      [3, 200],
      [91, 17],
    ] as const) {
      t.is(multiply(a, b ^ c), multiply(a, b) ^ multiply(a, c));
      t.is(multiply(multiply(a, b), c), multiply(a, multiply(b, c)));
    }
  }
  t.throws(() => invert(0), { instanceOf: RangeError });
  t.throws(
    () =>
      invertMatrix([
        [1, 2],
        [2, 4],
      ]),
    { instanceOf: RangeError },
  );
});

test('galois: the kernel computes what the arithmetic says, for any length and place in memory', (t) => {
  for (const length of [0, 1, 15, 16, 17, 16_384, 16_385, 40_000]) {
    const whole = randomBytes(3 * length + 3);
    const sources = [0, 1, 2].map((row) => whole.subarray(row * length + row, row * length + row + length));
    const matrix = [
      [1, 0, 255],
      [7, 129, 2],
    ];
    const targets = [Buffer.alloc(length, 9), Buffer.alloc(length, 9)];
    multiplyRows(matrix, sources, targets);
    const wrong = matrix.some((factors, row) =>
      targets[row]?.some(
        (value, at) =>
          value !==
          factors.reduce((sum, factor, column) => sum ^ multiply(factor, sources[column]?.[at] ?? 0), 0),
      ),
    );
    t.false(wrong, `${length} bytes`);
  }
});

for (const code of codes)
  test(`code ${codeName(code)}: whichever ${code.parity} fragments are lost, the rest give the bytes back`, (t) => {
    const bytes = randomBytes(code.data * 64 + 5);
    const fragments = encodeFragments(bytes, code, indexesOf(code));
    const wrong = choices(indexesOf(code), code.parity).filter(
      (lost) => !bytes.equals(decodeFragments(survivors(fragments, lost), code, bytes.length)),
    );
    t.deepEqual(wrong, []);
  });

test('code: bytes of any length come back, and a lost fragment is rebuilt as it was', (t) => {
  const code = { data: 4, parity: 2 };
  for (const length of [1, 2, 3, 4, 5, 63, 64, 65, 4095, 70_001]) {
    const bytes = randomBytes(length);
    const fragments = encodeFragments(bytes, code, indexesOf(code));
    t.true(fragments.every((fragment) => fragment.length === fragmentBytes(length, code)));
    const back = decodeFragments(survivors(fragments, [0, 3]), code, length);
    t.true(bytes.equals(back), `${length} bytes`);
    for (const index of indexesOf(code))
      t.deepEqual(
        encodeFragments(back, code, [index])[0],
        fragments[index],
        `fragment ${index} of ${length}`,
      );
  }
});
