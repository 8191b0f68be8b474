/** Signs chunks as a client would, in code of its own: 20130524, us-east-1, AWS's example key. */
import { createHash, createHmac } from 'node:crypto';
import { secret } from './sign.ts';

const hmac = (key: string | Uint8Array, text: string) => createHmac('sha256', key).update(text).digest();
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

export const signChunks = (seed: string, chunks: readonly string[]): string => {
  const key = ['20130524', 'us-east-1', 's3', 'aws4_request'].reduce(
    (before: Uint8Array, part) => hmac(before, part),
    Buffer.from(`AWS4${secret}`),
  );
  let last = seed;
  return [...chunks, '']
    .map((text) => {
      const toSign = `AWS4-HMAC-SHA256-PAYLOAD\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n${last}\n${sha256('')}\n${sha256(text)}`;
      last = hmac(key, toSign).toString('hex');
      return `${text.length.toString(16)};chunk-signature=${last}\r\n${text}\r\n`;
    })
    .join('');
};
