import test from 'ava';
import { wholeBody } from '../../../agent/object/s3/whole-body.ts';
import { incoming, isRefused, pieces, signInAt } from './sign.ts';

const signIn = signInAt('2013-05-24T00:00:30Z');
const post = (body: string, headers: Record<string, string> = {}) =>
  signIn(
    incoming({ method: 'POST', url: '/b?delete', headers: { host: 's3', ...headers }, body, pieceBytes: 2 }),
  );

test('whole-body: a small body at once, with its MD5 and checksum looked at', async (t) => {
  t.is((await wholeBody(await post('hello'), 5)).toString(), 'hello');
  const md5 = 'XUFAKrxLKna5cZ2REBfFkg==';
  await isRefused(t, '', async () => wholeBody(await post('hello', { 'content-md5': md5 }), 5));
  await isRefused(t, 'BadDigest', async () => wholeBody(await post('jello', { 'content-md5': md5 }), 5));
  await isRefused(t, 'InvalidDigest', () => post('hello', { 'content-md5': 'abc' }));
  const checked = (body: string, value: string) => async () =>
    wholeBody(await post(body, { 'x-amz-checksum-crc32': value }), 5);
  await isRefused(t, '', checked('hello', 'NhCmhg=='));
  await isRefused(t, 'BadDigest', checked('jello', 'NhCmhg=='));
  await isRefused(t, 'InvalidRequest', checked('hello', 'NhCmhg'));
  await isRefused(t, 'InvalidRequest', () =>
    post('hello', { 'x-amz-checksum-crc32': 'NhCmhg==', 'x-amz-checksum-sha1': 'NhCmhg==' }),
  );
});

test('whole-body: one that is too long is refused, whether it says so or not', async (t) => {
  await isRefused(t, 'MaxMessageLengthExceeded', async () => wholeBody(await post('hello!'), 5));
  await isRefused(t, 'MaxMessageLengthExceeded', () =>
    wholeBody({ body: pieces('hello!', 1), bytes: undefined, md5: undefined }, 5),
  );
});
