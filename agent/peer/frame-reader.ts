/** Cuts a stream of bytes into length-prefixed frames. Pure: pieces in, whole frames out. */
import { concatBytes } from '../base/bytes.ts';

export const frameHeadBytes = 4;

export interface FrameReader {
  /** The frames that this piece completes. Throws RangeError on an empty frame or one beyond the bound. */
  push(piece: Uint8Array): readonly Uint8Array[];
  /** Bytes of a frame that is not complete yet. */
  readonly pendingBytes: number;
}

export const frameReader = (frameBytesMax: number): FrameReader => {
  // Pieces are joined only when they complete a frame: joining at each would make a large frame quadratic.
  let pieces: Uint8Array[] = [];
  let pendingBytes = 0;
  let neededBytes = frameHeadBytes;

  const lengthAt = (bytes: Uint8Array, at: number): number => {
    const length = new DataView(bytes.buffer, bytes.byteOffset + at, frameHeadBytes).getUint32(0);
    if (length === 0 || length > frameBytesMax)
      throw new RangeError(`frame of ${length} bytes, allowed are 1 to ${frameBytesMax}`);
    return length;
  };

  return {
    get pendingBytes() {
      return pendingBytes;
    },
    push(piece) {
      pieces.push(piece);
      pendingBytes += piece.length;
      if (pendingBytes < neededBytes) return [];
      const bytes = pieces.length === 1 ? piece : concatBytes(...pieces);
      const frames: Uint8Array[] = [];
      let at = 0;
      neededBytes = frameHeadBytes;
      while (bytes.length - at >= frameHeadBytes) {
        const end = at + frameHeadBytes + lengthAt(bytes, at);
        if (end > bytes.length) {
          neededBytes = end - at;
          break;
        }
        frames.push(bytes.subarray(at + frameHeadBytes, end));
        at = end;
      }
      pieces = at < bytes.length ? [bytes.subarray(at)] : [];
      pendingBytes = bytes.length - at;
      return frames;
    },
  };
};
