/** A bucket as a website: index and error pages, redirects, and that no key opens anything there. */
import { request } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { type S3Answer, serveS3, text } from './serve.ts';

interface Page {
  readonly status: number;
  readonly location: string | undefined;
  readonly type: string | undefined;
  readonly body: string;
}

const site = async (t: ExecutionContext) => {
  const s3 = await serveS3(t);
  const { call, port } = s3;
  await call('PUT', '/photos');
  const policy = {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: 'arn:aws:s3:::photos/*' },
    ],
  };
  await call('PUT', '/photos?policy', { body: JSON.stringify(policy) });
  for (const [key, type] of [
    ['index.html', 'text/html'],
    ['reef/index.html', 'text/html'],
    ['lost.html', 'text/html'],
    ['a%20b.txt', 'text/plain'],
  ] as const)
    await call('PUT', `/photos/${key}`, { body: `this is ${key}`, headers: { 'content-type': type } });
  return {
    ...s3,
    set: (inner: string): Promise<S3Answer> =>
      call('PUT', '/photos?website', { body: `<WebsiteConfiguration>${inner}</WebsiteConfiguration>` }),
    visit: (path: string, method = 'GET', host = 'photos.s3-website.s3.example.org'): Promise<Page> =>
      new Promise((resolve, reject) => {
        request(
          { port, host: '127.0.0.1', path, method, headers: { host, 'x-test-token': 'member:p1' } },
          (answer) => {
            const pieces: Buffer[] = [];
            answer.on('data', (piece: Buffer) => pieces.push(piece));
            answer.on('end', () =>
              resolve({
                status: answer.statusCode ?? 0,
                location: answer.headers.location,
                type: answer.headers['content-type'],
                body: Buffer.concat(pieces).toString(),
              }),
            );
          },
        )
          .on('error', reject)
          .end();
      }),
  };
};

const index = '<IndexDocument><Suffix>index.html</Suffix></IndexDocument>';

test('a folder shows its index, and a folder without its slash is sent on', async (t) => {
  const { set, visit, call } = await site(t);
  t.is((await visit('/')).status, 404, 'no website yet');
  t.is((await set(index)).status, 200);
  t.is(text((await call('GET', '/photos?website')).xml, 'Suffix'), 'index.html');
  const front = await visit('/');
  t.is(front.body, 'this is index.html');
  t.is(front.type, 'text/html');
  t.is((await visit('/reef/')).body, 'this is reef/index.html');
  t.is((await visit('/a%20b.txt')).body, 'this is a%20b.txt');
  const folder = await visit('/reef');
  t.is(folder.status, 302);
  t.is(folder.location, '/reef/');
  t.is((await visit('/', 'GET', 'photos.s3-website.localhost')).body, 'this is index.html');
  t.is((await call('DELETE', '/photos?website')).status, 204);
  t.is((await call('GET', '/photos?website')).code, 'NoSuchWebsiteConfiguration');
});

test('what is not there is a page: S3’s, or the bucket’s own', async (t) => {
  const { set, visit } = await site(t);
  await set(index);
  const plain = await visit('/none');
  t.is(plain.status, 403, 'nobody may list the bucket, so nobody learns what it lacks');
  t.regex(plain.body, /<h1>403 AccessDenied<\/h1>/);
  await set(`${index}<ErrorDocument><Key>lost.html</Key></ErrorDocument>`);
  const own = await visit('/none');
  t.is(own.status, 403);
  t.is(own.body, 'this is lost.html');
  t.is((await visit('/', 'PUT')).status, 405);
  t.is((await visit('/', 'GET', 'none.s3-website.s3.example.org')).status, 404);
});

test('rules and objects send readers on', async (t) => {
  const { set, visit, call } = await site(t);
  const rule = (condition: string, redirect: string): string =>
    `<RoutingRule><Condition>${condition}</Condition><Redirect>${redirect}</Redirect></RoutingRule>`;
  await set(
    `${index}<RoutingRules>${rule('<KeyPrefixEquals>docs/</KeyPrefixEquals>', '<ReplaceKeyPrefixWith>documents/</ReplaceKeyPrefixWith>')}${rule('<HttpErrorCodeReturnedEquals>403</HttpErrorCodeReturnedEquals>', '<HostName>other.example.org</HostName><Protocol>https</Protocol><HttpRedirectCode>302</HttpRedirectCode><ReplaceKeyWith>gone</ReplaceKeyWith>')}</RoutingRules>`,
  );
  t.like(await visit('/docs/a'), { status: 301, location: '/documents/a' });
  t.like(await visit('/none'), { status: 302, location: 'https://other.example.org/gone' });
  await call('PUT', '/photos/moved', { body: '', headers: { 'x-amz-website-redirect-location': '/reef/' } });
  t.like(await visit('/moved'), { status: 301, location: '/reef/' });
  t.is((await call('HEAD', '/photos/moved')).headers.get('x-amz-website-redirect-location'), '/reef/');
  t.is(
    (await call('PUT', '/photos/x', { body: '', headers: { 'x-amz-website-redirect-location': 'reef' } }))
      .code,
    'InvalidRedirectLocation',
  );
  await set('<RedirectAllRequestsTo><HostName>example.net</HostName></RedirectAllRequestsTo>');
  t.like(await visit('/a/b'), { status: 301, location: 'http://example.net/a/b' });
});

test('what is private stays so, and settings that cannot be are refused', async (t) => {
  const { set, visit, call } = await site(t);
  await set(index);
  await call('DELETE', '/photos?policy');
  t.is((await visit('/')).status, 403);
  t.is((await set('')).code, 'MalformedXML');
  t.is((await set('<IndexDocument><Suffix>a/b</Suffix></IndexDocument>')).code, 'InvalidArgument');
  t.is(
    (
      await set(
        `${index}<RoutingRules><RoutingRule><Redirect><HttpRedirectCode>200</HttpRedirectCode></Redirect></RoutingRule></RoutingRules>`,
      )
    ).code,
    'InvalidRequest',
  );
});
