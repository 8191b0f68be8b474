/** Objects that say what they are: version and length at the start, then bytes that follow from it. A mixed-up byte is seen. */
import { createHash } from 'node:crypto';

const headBytes = 48;

const fill = (version: string, bytes: number): Buffer => {
  const seed = createHash('sha256').update(version).digest();
  const out = Buffer.alloc(bytes);
  const block = Buffer.alloc(4_096);
  for (let at = 0; at < block.length; at += seed.length) seed.copy(block, at);
  for (let at = 0; at < bytes; at += block.length) {
    // Each block differs, so blocks that changed places are seen as well; and no two objects share a chunk.
    block.writeUInt32LE(at / block.length, 0);
    block.copy(out, at);
  }
  return out;
};

export const contentOf = (version: string, bytes: number): Buffer => {
  const out = fill(version, Math.max(headBytes, bytes));
  out.write(`${version} ${out.length}`.padEnd(headBytes), 0, headBytes, 'latin1');
  return out;
};

/** Undefined: these are not the bytes of any version. */
export const versionOf = (content: Buffer): string | undefined => {
  const [version = ''] = content.subarray(0, headBytes).toString('latin1').split(' ');
  return content.equals(contentOf(version, content.length)) ? version : undefined;
};
