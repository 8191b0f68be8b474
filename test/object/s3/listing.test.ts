/** Listings of a bucket, both versions of the call. */
import test, { type ExecutionContext } from 'ava';
import { serveS3, text, texts } from './serve.ts';

const filled = async (t: ExecutionContext, keys: readonly string[]) => {
  const served = await serveS3(t);
  await served.call('PUT', '/reef');
  for (const key of keys) await served.call('PUT', `/reef/${encodeURIComponent(key)}`, { body: key });
  return served;
};

test('keys come in byte order with size and ETag, below a prefix', async (t) => {
  const { call } = await filled(t, ['b', 'a/1', 'ä', 'a/2']);
  const { xml } = await call('GET', '/reef');
  t.deepEqual(texts(xml, 'Key'), ['a/1', 'a/2', 'b', 'ä']);
  t.deepEqual(texts(xml, 'Size'), ['3', '3', '1', '2']);
  t.is(text(xml, 'IsTruncated'), 'false');
  t.is(texts(xml, 'DisplayName').length, 4);
  t.deepEqual(texts((await call('GET', '/reef?prefix=a/')).xml, 'Key'), ['a/1', 'a/2']);
});

test('a delimiter folds names into folders', async (t) => {
  const { call } = await filled(t, ['a/1', 'a/2', 'b', 'c/d/1']);
  const { xml } = await call('GET', '/reef?delimiter=/');
  t.deepEqual(texts(xml, 'Key'), ['b']);
  const folders = xml.children.filter(({ name }) => name === 'CommonPrefixes');
  t.deepEqual(
    folders.map((folder) => text(folder, 'Prefix')),
    ['a/', 'c/'],
  );
});

test('pages go on where the last ended, in either version, folders included', async (t) => {
  const keys = ['a/1', 'a/2', 'b', 'c/1', 'd', 'e'];
  const { call } = await filled(t, keys);
  const walk = async (
    path: string,
    next: (page: Awaited<ReturnType<typeof call>>['xml']) => string,
  ): Promise<string[]> => {
    const seen: string[] = [];
    for (let more = ''; ; ) {
      const { xml } = await call('GET', `${path}${more}`);
      seen.push(...texts(xml, 'Key'));
      for (const folder of xml.children.filter(({ name }) => name === 'CommonPrefixes'))
        seen.push(text(folder, 'Prefix') ?? '');
      if (text(xml, 'IsTruncated') !== 'true') return seen;
      more = next(xml);
    }
  };
  const byToken = (xml: Parameters<typeof text>[0]): string =>
    `&continuation-token=${encodeURIComponent(text(xml, 'NextContinuationToken') ?? '')}`;
  t.deepEqual(await walk('/reef?list-type=2&max-keys=2', byToken), keys);
  t.deepEqual(await walk('/reef?list-type=2&max-keys=1&delimiter=/', byToken), ['a/', 'b', 'c/', 'd', 'e']);
  t.deepEqual(
    await walk('/reef?max-keys=4', (xml) => `&marker=${encodeURIComponent(texts(xml, 'Key').at(-1) ?? '')}`),
    keys,
  );
  t.deepEqual(
    await walk(
      '/reef?max-keys=1&delimiter=/',
      (xml) => `&marker=${encodeURIComponent(text(xml, 'NextMarker') ?? '')}`,
    ),
    ['a/', 'b', 'c/', 'd', 'e'],
  );
});

test('a page that is just full is the last', async (t) => {
  const { call } = await filled(t, ['a', 'b']);
  const { xml } = await call('GET', '/reef?list-type=2&max-keys=2');
  t.is(text(xml, 'IsTruncated'), 'false');
  t.is(text(xml, 'KeyCount'), '2');
  t.is(text((await call('GET', '/reef?max-keys=0')).xml, 'IsTruncated'), 'false');
});

test('names that XML cannot say are told percent-encoded', async (t) => {
  const { call } = await filled(t, ['a\u0001b', 'a b&<']);
  const { xml } = await call('GET', '/reef?encoding-type=url&prefix=a');
  t.deepEqual(texts(xml, 'Key').map(decodeURIComponent), ['a\u0001b', 'a b&<']);
  t.is(text(xml, 'EncodingType'), 'url');
  t.is((await call('GET', '/reef?encoding-type=rot13')).code, 'InvalidArgument');
});

test('start-after, fetch-owner and bad numbers', async (t) => {
  const { call } = await filled(t, ['a', 'b', 'c']);
  const { xml } = await call('GET', '/reef?list-type=2&start-after=a');
  t.deepEqual(texts(xml, 'Key'), ['b', 'c']);
  t.is(text(xml, 'Owner'), undefined);
  t.is(texts((await call('GET', '/reef?list-type=2&fetch-owner=true')).xml, 'ID')[0], 'p1');
  t.is((await call('GET', '/reef?max-keys=-1')).code, 'InvalidArgument');
  t.is((await call('GET', '/reef?list-type=2&continuation-token=%21')).code, 'InvalidArgument');
});
