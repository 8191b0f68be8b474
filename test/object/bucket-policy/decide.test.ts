import test from 'ava';
import { decidePolicy, statementsOf } from '../../../agent/object/bucket-policy/decide.ts';
import { isPublic, parsePolicy } from '../../../agent/object/bucket-policy/document.ts';
import { factsOf } from '../../../agent/object/bucket-policy/facts.ts';
import { matchesPattern } from '../../../agent/object/bucket-policy/pattern.ts';
import { cpuMs } from '../../cpu-time.ts';
import { fakePrincipal } from '../../fake/http.ts';

const bucket = 'reef';
const arn = (path = '') => `arn:aws:s3:::${bucket}${path}`;
const allow = { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: arn('/*') };
const policy = (...statements: object[]) => JSON.stringify({ Version: '2012-10-17', Statement: statements });

const ask = (
  text: string,
  {
    token,
    action = 's3:GetObject',
    key = 'a.jpg',
    headers = {},
    query = '',
    remoteAddress = '10.1.2.3',
    nowMs = Date.UTC(2026, 10, 25),
  }: {
    token?: string;
    action?: string;
    key?: string;
    headers?: Record<string, string>;
    query?: string;
    remoteAddress?: string;
    nowMs?: number;
  } = {},
) => {
  const principal = token === undefined ? undefined : fakePrincipal(token);
  const facts = factsOf({
    principal,
    project: 'p1',
    headers,
    query: new URLSearchParams(query),
    remoteAddress,
    isSecure: false,
    nowMs,
  });
  return decidePolicy(statementsOf(text, bucket), { principal, action, bucket, key, facts });
};

test('policy: it allows what it names and is silent about the rest', (t) => {
  t.is(ask(policy(allow)), 'allow');
  t.is(ask(policy(allow), { action: 's3:PutObject' }), 'silent');
  t.is(ask(policy({ ...allow, Resource: arn('/b/*') })), 'silent');
  t.is(ask(policy({ ...allow, Action: ['s3:PutObject', 's3:Get*'] })), 'allow');
  t.is(ask(policy({ ...allow, Action: 's3:getobject' })), 'allow', 'actions have no case');
  t.is(ask(policy({ ...allow, Resource: arn() }), { action: 's3:GetObject', key: '' }), 'allow');
  t.is(ask(policy({ ...allow, Resource: arn('/*') }), { key: '' }), 'silent', 'the bucket is no object');
});

test('policy: a pattern may name more than the bucket', (t) => {
  t.is(ask(policy({ ...allow, Resource: ['arn:aws:s3:::*', 'arn:aws:s3:::*/*'] })), 'allow');
  t.is(ask(policy({ ...allow, Resource: 'arn:aws:s3:::re*' })), 'allow');
});

test('policy: an explicit denial wins, wherever it stands', (t) => {
  const deny = { ...allow, Effect: 'Deny', Resource: arn('/secret/*') };
  for (const text of [policy(allow, deny), policy(deny, allow)]) {
    t.is(ask(text), 'allow');
    t.is(ask(text, { key: 'secret/a' }), 'deny');
  }
});

test('policy: principals are everybody, projects and users', (t) => {
  const to = (Principal: unknown) => policy({ ...allow, Principal });
  t.is(ask(to({ AWS: '*' })), 'allow');
  t.is(ask(to({ AWS: 'p2' })), 'silent');
  t.is(ask(to({ AWS: 'p2' }), { token: 'member:p2' }), 'allow');
  t.is(ask(to({ AWS: ['arn:aws:iam::p2:root'] }), { token: 'member:p2' }), 'allow');
  t.is(ask(to({ AWS: ['arn:aws:iam::p3:root'] }), { token: 'member:p2' }), 'silent');
  t.is(ask(to({ AWS: 'arn:aws:iam::p2:user/u-p2' }), { token: 'member:p2' }), 'allow');
  t.is(ask(to({ AWS: 'arn:aws:iam::p2:user/u-p2' }), { token: 'reader:p2' }), 'silent');
  t.is(ask(to({ CanonicalUser: 'p2' }), { token: 'member:p2' }), 'allow');
  const { Principal: _, ...bare } = allow;
  const butP2 = policy({ ...bare, Effect: 'Deny', NotPrincipal: { AWS: 'p2' } });
  t.is(ask(butP2, { token: 'member:p2' }), 'silent');
  t.is(ask(butP2, { token: 'member:p3' }), 'deny');
  t.is(ask(butP2), 'deny');
});

test('policy: conditions narrow a statement down', (t) => {
  const when = (Condition: object, asked: Parameters<typeof ask>[1] = {}) =>
    ask(policy({ ...allow, Condition }), asked);
  const network = { IpAddress: { 'aws:SourceIp': ['10.0.0.0/8', '2001:db8::/32'] } };
  t.is(when(network), 'allow');
  t.is(when(network, { remoteAddress: '::ffff:10.9.9.9' }), 'allow');
  t.is(when(network, { remoteAddress: '11.0.0.1' }), 'silent');
  t.is(when(network, { remoteAddress: '2001:db8::7' }), 'allow');
  t.is(when({ NotIpAddress: { 'aws:SourceIp': '10.0.0.0/8' } }), 'silent');
  const referer = { StringLike: { 'aws:Referer': ['https://reef.example/*'] } };
  t.is(when(referer), 'silent');
  t.is(when(referer, { headers: { referer: 'https://reef.example/page' } }), 'allow');
  t.is(when({ StringLikeIfExists: { 'aws:Referer': 'x' } }), 'allow');
  t.is(when({ StringNotEquals: { 'aws:Referer': 'x' } }), 'allow', 'what is not there equals nothing');
  t.is(when({ Null: { 'aws:Referer': 'true' } }), 'allow');
  t.is(when({ Null: { 'aws:Referer': 'false' } }), 'silent');
  t.is(when({ Bool: { 'aws:SecureTransport': true } }), 'silent');
  t.is(when({ Bool: { 'aws:SecureTransport': 'false' } }), 'allow');
  t.is(when({ DateLessThan: { 'aws:CurrentTime': '2026-11-26T00:00:00Z' } }), 'allow');
  t.is(when({ DateGreaterThan: { 'aws:CurrentTime': '2026-11-26T00:00:00Z' } }), 'silent');
  t.is(when({ NumericLessThanEquals: { 's3:max-keys': '10' } }, { query: 'max-keys=10' }), 'allow');
  t.is(when({ NumericLessThanEquals: { 's3:max-keys': 10 } }, { query: 'max-keys=11' }), 'silent');
  t.is(when({ StringEquals: { 's3:prefix': ['a/', ''] } }, { query: 'prefix=a/' }), 'allow');
  t.is(
    when({ StringEquals: { 's3:x-amz-acl': 'public-read' } }, { headers: { 'x-amz-acl': 'public-read' } }),
    'allow',
  );
  t.is(when({ 'ForAllValues:StringEquals': { 's3:prefix': 'a' } }), 'allow');
  t.is(when({ 'ForAnyValue:StringEquals': { 's3:prefix': 'a' } }), 'silent');
  t.is(when({ ...network, ...referer }), 'silent', 'all of them must hold');
});

test('policy: variables stand for the caller, and a caller with stars in the name gains nothing', (t) => {
  const home = policy({ ...allow, Resource: arn(`/home/$\{aws:username}/*`) });
  t.is(ask(home, { token: 'member:p2', key: 'home/u-p2/x' }), 'allow');
  t.is(ask(home, { token: 'member:p2', key: 'home/u-p3/x' }), 'silent');
  t.is(ask(home, { key: 'home//x' }), 'silent');
  t.is(ask(home, { token: 'member:*', key: 'home/u-p3/x' }), 'silent');
});

test('policy: what cannot be understood whole is refused', async (t) => {
  const bad = (statement: object, more: object = {}) => JSON.stringify({ Statement: [statement], ...more });
  const texts = [
    '',
    'x',
    '[]',
    '{}',
    JSON.stringify({ Statement: [] }),
    bad(allow, { Version: '2020-01-01' }),
    bad(allow, { Verison: '2012-10-17' }),
    bad({ ...allow, Effect: 'Maybe' }),
    bad({ ...allow, Principal: undefined }),
    bad({ ...allow, Principal: { Service: 'ec2' } }),
    bad({ ...allow, Action: 'ec2:Run' }),
    bad({ ...allow, NotAction: 's3:Get*' }),
    bad({ ...allow, Resource: 'arn:aws:s3:::other/*' }),
    bad({ ...allow, Resource: 'arn:aws:s3:::reefs/*' }),
    bad({ ...allow, Resource: arn(`/$\{nobody:knows}`) }),
    bad({ ...allow, Condition: { StringLikes: { 's3:prefix': 'a' } } }),
    bad({ ...allow, Condition: { StringLike: { 's3:unheard': 'a' } } }),
    bad({ ...allow, Condition: { StringLike: 'a' } }),
    bad({ ...allow, Extra: 1 }),
    bad({ ...allow, Effect: { toString: 1 } }),
    JSON.stringify({ Version: { toString: 1 }, Statement: [allow] }),
    JSON.stringify({ Statement: [allow], Id: 'x'.repeat(20_481) }),
  ];
  for (const text of texts) t.throws(() => parsePolicy(text, bucket), { code: 'BAD_REQUEST' }, text);
});

test('policy: it is public when anybody may come from anywhere', (t) => {
  const judge = (statement: object) => isPublic(parsePolicy(policy({ ...allow, ...statement }), bucket));
  t.true(judge({}));
  t.true(judge({ Condition: { StringLike: { 'aws:Referer': 'x' } } }), 'a referrer is what the sender says');
  t.true(judge({ Condition: { IpAddress: { 'aws:SourceIp': '0.0.0.0/0' } } }));
  t.true(judge({ Condition: { NotIpAddress: { 'aws:SourceIp': '10.0.0.0/8' } } }));
  t.false(judge({ Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } } }));
  t.false(judge({ Principal: { AWS: 'p2' } }));
  t.false(judge({ Effect: 'Deny' }));
});

test('policy pattern: stars and marks, in time that no pattern can blow up', (t) => {
  t.true(matchesPattern('a*c', 'abbbc'));
  t.true(matchesPattern('a?c', 'abc'));
  t.false(matchesPattern('a?c', 'ac'));
  t.true(matchesPattern('*', ''));
  t.true(matchesPattern('a*', 'a'));
  t.false(matchesPattern('', 'a'));
  t.false(matchesPattern('A', 'a'));
  const tookMs = cpuMs(() => t.false(matchesPattern(`${'*a'.repeat(2000)}b`, 'a'.repeat(1024))));
  t.true(tookMs < 1000, `${tookMs}`);
});

/** All words of at most that many letters. */
const words = (letters: string, length: number): string[] =>
  length === 0
    ? ['']
    : ['', ...words(letters, length - 1).flatMap((word) => [...letters].map((one) => one + word))];

test('policy pattern: every short one means what a regular expression means', (t) => {
  const texts = [...new Set(words('ab', 4))];
  const wrong = [...new Set(words('ab*?', 4))].filter((pattern) => {
    const same = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`);
    return texts.some((text) => matchesPattern(pattern, text) !== same.test(text));
  });
  t.deepEqual(wrong, []);
});
