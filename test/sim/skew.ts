/**
 * The wire in the middle of an upgrade: what a host of the next version sends to one of today. Mostly it says more than today's
 * does, which nobody may stumble over; some calls are new, and some messages have another shape altogether. A refusal
 * is an answer to both: whoever asks does as if that host were out of reach.
 */
import type { Prng } from './prng.ts';
import type { World } from './world.ts';

const otherShapeShare = 0.1;
const newCallShare = 0.05;

/** A message with fields that nobody knows yet. */
const extended = (body: unknown): unknown =>
  body !== null && typeof body === 'object' && Object.getPrototypeOf(body) === Object.prototype
    ? { ...body, sinceNextVersion: { wish: 'ignore me', count: 1 } }
    : body;

export const ofNextVersion = <Frame extends { readonly kind: string; readonly body?: unknown }>(
  world: World,
  random: Prng,
  frame: Frame,
  encode: (frame: Frame) => Uint8Array,
): Uint8Array => {
  const dice = random.random();
  if (dice < otherShapeShare) {
    world.fault('unreadable message');
    const bytes = encode(frame);
    bytes[0] = (bytes[0] ?? 0) + 1;
    return bytes;
  }
  if ('method' in frame && dice < otherShapeShare + newCallShare) {
    world.fault('unknown call');
    return encode({ ...frame, method: `${frame.method}.next` });
  }
  world.fault('extended message');
  return encode('body' in frame ? { ...frame, body: extended(frame.body) } : frame);
};
