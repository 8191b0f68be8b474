import test from 'ava';
import { frameReader } from '../../agent/peer/frame-reader.ts';
import { decodeFrame, encodeFrame, frameKind } from '../../proto/message/peer-frame.ts';

const framed = (...frames: readonly Uint8Array[]): Uint8Array =>
  Buffer.concat(
    frames.flatMap((frame) => {
      const head = Buffer.alloc(4);
      head.writeUInt32BE(frame.length);
      return [head, frame];
    }),
  );

/** A small seeded generator (mulberry32): a failure is a seed. */
const random = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};

test('frames: however the bytes are cut, the same frames come out', (t) => {
  for (let seed = 0; seed < 100; seed++) {
    const next = random(seed);
    const frames = Array.from({ length: 20 }, () =>
      Buffer.alloc(1 + Math.floor(next() * 300), Math.floor(next() * 256)),
    );
    const bytes = framed(...frames);
    const reader = frameReader(1_000);
    const out: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + 1 + Math.floor(next() * 50));
      out.push(...reader.push(bytes.subarray(at, end)));
      at = end;
    }
    t.is(reader.pendingBytes, 0, `seed ${seed}`);
    t.deepEqual(
      out.map((frame) => Buffer.from(frame)),
      frames,
      `seed ${seed}`,
    );
  }
});

test('frames: an empty frame and one beyond the bound are refused before their bytes come', (t) => {
  t.throws(() => frameReader(100).push(Buffer.from([0, 0, 0, 0])), { instanceOf: RangeError });
  t.throws(() => frameReader(100).push(Buffer.from([0, 0, 0, 101])), { instanceOf: RangeError });
  t.throws(() => frameReader(100).push(Buffer.from([255, 255, 255, 255])), { instanceOf: RangeError });
});

test('frames: bytes that are no frame are told apart without a throw', (t) => {
  for (let seed = 0; seed < 20_000; seed++) {
    const next = random(seed);
    const bytes = Buffer.from(
      Array.from({ length: Math.floor(next() * 40) }, () => Math.floor(next() * 256)),
    );
    if (seed % 2) bytes[0] = 1;
    t.notThrows(() => decodeFrame(bytes), `seed ${seed}`);
  }
  const good = encodeFrame([frameKind.request, 1, 'table.read', 5_000, { key: 'a' }]);
  t.deepEqual(decodeFrame(good), [0, 1, 'table.read', 5_000, { key: 'a' }]);
  for (const [index] of good.entries()) t.is(decodeFrame(good.subarray(0, index)), undefined);
  t.is(decodeFrame(Uint8Array.from([2, ...good.subarray(1)])), undefined);
});
