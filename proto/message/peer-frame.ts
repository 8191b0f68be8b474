/**
 * Frames on a peer stream: four bytes of length (big endian), then a version byte and msgpack (`codec`).
 * A frame is an array, for it carries every row that is written: its first item says what it is.
 */
import { codec } from '../codec.ts';

export const frameKind = {
  request: 0,
  answer: 1,
  error: 2,
  /** The caller no longer waits. */
  cancel: 3,
  notify: 4,
  /** Is anybody there? Answered with `alive` by the stream itself. */
  ping: 5,
  alive: 6,
  /** The last frame of a stream that is not served: why. */
  refused: 7,
} as const;

export type PeerFrame =
  | readonly [kind: 0, id: number, method: string, timeoutMs: number, body: unknown]
  | readonly [kind: 1, id: number, body: unknown]
  | readonly [kind: 2, id: number, code: string, message: string, details: unknown]
  | readonly [kind: 3, id: number]
  | readonly [kind: 4, method: string, body: unknown]
  | readonly [kind: 5]
  | readonly [kind: 6]
  | readonly [kind: 7, code: string, message: string];

const frames = codec<unknown>('peer frame');

export const encodeFrame = (frame: PeerFrame): Uint8Array => frames.encode(frame);

const isId = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isText = (value: unknown, charsMax: number): value is string =>
  typeof value === 'string' && value.length <= charsMax;

/** Undefined for bytes that are no frame; bodies are whatever msgpack holds and are the handler's to check. */
export const decodeFrame = (bytes: Uint8Array): PeerFrame | undefined => {
  let value: unknown;
  try {
    value = frames.decode(bytes);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value)) return undefined;
  const [kind, first, second, third] = value;
  switch (kind) {
    case frameKind.request:
      return value.length === 5 && isId(first) && isText(second, 128) && isId(third)
        ? (value as unknown as PeerFrame)
        : undefined;
    case frameKind.answer:
      return value.length === 3 && isId(first) ? (value as unknown as PeerFrame) : undefined;
    case frameKind.error:
      return value.length === 5 && isId(first) && isText(second, 64) && isText(third, 16_384)
        ? (value as unknown as PeerFrame)
        : undefined;
    case frameKind.cancel:
      return value.length === 2 && isId(first) ? (value as unknown as PeerFrame) : undefined;
    case frameKind.notify:
      return value.length === 3 && isText(first, 128) ? (value as unknown as PeerFrame) : undefined;
    case frameKind.ping:
    case frameKind.alive:
      return value.length === 1 ? (value as unknown as PeerFrame) : undefined;
    case frameKind.refused:
      return value.length === 3 && isText(first, 64) && isText(second, 16_384)
        ? (value as unknown as PeerFrame)
        : undefined;
    default:
      return undefined;
  }
};
