/** What a stranger can send to the S3 door before anybody is believed. */

import { decidePolicy } from '../../../agent/object/bucket-policy/decide.ts';
import { isPublic, parsePolicy } from '../../../agent/object/bucket-policy/document.ts';
import { factsOf } from '../../../agent/object/bucket-policy/facts.ts';
import { checkFormPolicy } from '../../../agent/object/s3/form-policy.ts';
import { type ChunkSeal, decodeChunked } from '../../../agent/object/s3/sign/aws-chunked.ts';
import { parseClaim } from '../../../agent/object/s3/sign/claim.ts';
import { rawAsk } from '../../../agent/object/s3/sign/raw-ask.ts';
import { scopeOf, signingKey } from '../../../agent/object/s3/sign/signature-v4.ts';
import { access, incoming, secret, signInAt } from '../../object/s3/sign.ts';
import { signChunks } from '../../object/s3/sign-chunks.ts';
import { bytesTarget, jsonTarget, type Target, textTarget } from '../target.ts';

const seed = 'ab'.repeat(32);
const scope = { day: '20130524', region: 'us-east-1' };
const seal: ChunkSeal = {
  key: signingKey(secret, scope),
  time: '20130524T000000Z',
  scope: scopeOf(scope),
  signature: seed,
  told: {},
};
const sent = ['a'.repeat(8192), 'b'.repeat(100)];
const sealed = Buffer.from(signChunks(seed, sent));

/** Cut small, so that lines and chunks lie across pieces. */
async function* cut(bytes: Uint8Array) {
  for (let at = 0; at < bytes.length; at += 999) yield bytes.subarray(at, at + 999);
}

const decode = async (bytes: Uint8Array, length: number, by?: ChunkSeal): Promise<string> => {
  const parts: Uint8Array[] = [];
  const options = { bytes: length, onTrailer: () => undefined };
  const more = by ? { seal: by } : { announced: ['x-amz-checksum-crc32'] };
  for await (const part of decodeChunked(cut(bytes), { ...options, ...more })) parts.push(part);
  return Buffer.concat(parts).toString('latin1');
};

const authorization = `AWS4-HMAC-SHA256 Credential=${access}/20130524/us-east-1/s3/aws4_request,SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41`;
const signature = authorization.slice(-64);
const signIn = signInAt('2013-05-24T00:00:30Z');

const facts = factsOf({
  principal: undefined,
  project: 'p1',
  headers: {},
  query: new URLSearchParams('prefix=a/'),
  remoteAddress: '10.1.2.3',
  isSecure: false,
  nowMs: 0,
});

export const s3Targets = (): readonly Target[] => [
  bytesTarget(
    {
      name: 's3 signed chunks',
      refusals: ['BAD_REQUEST', 'FORBIDDEN'],
      async run(bytes) {
        if ((await decode(bytes, 8292, seal)) !== sent.join('')) throw new Error('a body that nobody signed');
      },
    },
    [sealed],
  ),
  bytesTarget(
    {
      name: 's3 chunks',
      refusals: ['BAD_REQUEST'],
      async run(bytes) {
        if ((await decode(bytes, 5)).length !== 5) throw new Error('not as long as it said');
      },
    },
    [
      Buffer.from('5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n'),
      Buffer.from('2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n'),
    ],
  ),
  textTarget(
    {
      name: 's3 authorization',
      refusals: ['BAD_REQUEST', 'FORBIDDEN'],
      async run(text) {
        const found = await signIn(
          incoming({
            method: 'GET',
            url: '/test.txt',
            headers: {
              host: 'examplebucket.s3.amazonaws.com',
              range: 'bytes=0-9',
              'x-amz-content-sha256': 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
              'x-amz-date': '20130524T000000Z',
              authorization: text,
            },
          }),
        );
        if (found.principal && !text.includes(signature)) throw new Error('a signature that nobody made');
      },
    },
    [authorization],
  ),
  textTarget(
    {
      name: 's3 claim',
      refusals: ['BAD_REQUEST', 'FORBIDDEN'],
      run: (text) => parseClaim(rawAsk('GET', `/b/o?${text}`, [])),
    },
    [
      `X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${access}%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=${signature}`,
      `AWSAccessKeyId=${access}&Signature=zPbEgvH5uZ2LMNhCOih6gOte7eo%3D&Expires=1795576173`,
    ],
  ),
  jsonTarget(
    {
      name: 's3 policy',
      refusals: ['BAD_REQUEST'],
      run(text) {
        const statements = parsePolicy(text, 'reef');
        const asked = { principal: undefined, action: 's3:GetObject', bucket: 'reef', key: 'a/b', facts };
        isPublic(statements);
        decidePolicy(statements, asked);
      },
    },
    [
      {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { AWS: ['p2', 'arn:aws:iam::p3:root'] },
            Action: ['s3:Get*', 's3:ListBucket'],
            Resource: ['arn:aws:s3:::reef', 'arn:aws:s3:::reef/*'],
            Condition: {
              IpAddress: { 'aws:SourceIp': '10.0.0.0/8' },
              StringLikeIfExists: { 's3:prefix': ['a*', '?'] },
              DateLessThan: { 'aws:CurrentTime': '2026-11-26T00:00:00Z' },
            },
          },
          { Effect: 'Deny', NotPrincipal: '*', NotAction: 's3:*', NotResource: 'arn:aws:s3:::reef/x' },
        ],
      },
    ],
  ),
  textTarget(
    {
      name: 's3 form policy',
      refusals: ['BAD_REQUEST', 'FORBIDDEN'],
      run: (text) => checkFormPolicy(Buffer.from(text).toString('base64'), new Map([['key', 'a/b']]), 0),
    },
    [
      '{"expiration":"2026-11-25T12:00:00Z","conditions":[["starts-with","$key","a/"],["content-length-range",1,9]]}',
    ],
  ),
];
