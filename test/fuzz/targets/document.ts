/** The smaller documents, headers and names: S3's XML, signatures of other kinds, fragments, records in the DHT. */
import { decodeFragments, encodeFragments, fragmentBytes } from '../../../agent/chunk/stripe/code.ts';
import { parseFragmentName, stripeIdOf } from '../../../agent/chunk/stripe/name.ts';
import { parseListen } from '../../../agent/http/listen-address.ts';
import { parseCompliance } from '../../../agent/identity/compliance.ts';
import { keyPairOf } from '../../../agent/identity/credentials.ts';
import { parseOauth, verifyOauth } from '../../../agent/identity/oauth-signature.ts';
import { parseBase32, verifyTotp } from '../../../agent/identity/totp.ts';
import { parseAccountList } from '../../../agent/object/account-list.ts';
import { parseWanted } from '../../../agent/object/manifest.ts';
import { parsePolicy, parseStorageClass } from '../../../agent/object/policy.ts';
import { readAcl } from '../../../agent/object/s3/acl-document.ts';
import { addressOf, decodePath } from '../../../agent/object/s3/address.ts';
import { readCors } from '../../../agent/object/s3/cors-rule.ts';
import { parseConditions } from '../../../agent/object/s3/delete-conditions.ts';
import { parseLifecycle } from '../../../agent/object/s3/lifecycle-words.ts';
import { parseConfiguration, parseHoldXml, parseRetention } from '../../../agent/object/s3/lock-words.ts';
import { parseLogging } from '../../../agent/object/s3/logging-words.ts';
import { parseNotifications } from '../../../agent/object/s3/notification-words.ts';
import { parsePartNumber, parseWantedParts } from '../../../agent/object/s3/part-list.ts';
import { parseChecksumName } from '../../../agent/object/s3/sign/joined-checksum.ts';
import { parseSignedTime } from '../../../agent/object/s3/sign/signed-time.ts';
import { parseTagging, parseTaggingHeader } from '../../../agent/object/s3/tags.ts';
import { parseVersionId } from '../../../agent/object/s3/version.ts';
import { parseWebsite } from '../../../agent/object/s3/website-words.ts';
import { parseXml, type XmlNode } from '../../../agent/object/s3/xml-reader.ts';
import { parseExpires, parseSignature } from '../../../agent/object/signature.ts';
import { openAddresses, sealAddresses } from '../../../agent/peer/address-record.ts';
import { parseSeed } from '../../../agent/peer/seeds.ts';
import { codes } from '../../../proto/policy.ts';
import { addresses, cluster, nowMs, own } from '../samples.ts';
import { bytesTarget, type Target, textTarget, valueTarget } from '../target.ts';

const refusals = ['BAD_REQUEST', 'FORBIDDEN', 'NOT_IMPLEMENTED', 'CONFLICT', 'TOO_LARGE'] as const;
const xml = (name: string, read: (node: XmlNode) => unknown, samples: readonly string[]): Target =>
  textTarget({ name: `s3 ${name}`, refusals, run: (text) => read(parseXml(text)) }, samples);
const plain = (name: string, run: (text: string) => unknown, samples: readonly string[]): Target =>
  textTarget({ name, refusals, run }, samples);

const later = new Date(nowMs + 86_400_000).toISOString();
const grantee = (type: string, inner: string): string =>
  `<Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="${type}">${inner}</Grantee><Permission>READ</Permission></Grant>`;

const [code] = codes;
if (!code) throw new Error('no code');
const data = Buffer.alloc(1_000, 7);
const stripe = stripeIdOf(data, code);
const indexes = Array.from({ length: code.data }, (_, at) => at + code.parity);
const fragments = Buffer.concat(encodeFragments(data, code, indexes));
const topic = Buffer.from(cluster.topic, 'base64url');

export const documentTargets = (): readonly Target[] => [
  xml('acl', (node) => readAcl(node, 'p1'), [
    `<AccessControlPolicy><Owner><ID>p1</ID></Owner><AccessControlList>${grantee('CanonicalUser', '<ID>p1</ID>')}${grantee('Group', '<URI>http://acs.amazonaws.com/groups/global/AllUsers</URI>')}</AccessControlList></AccessControlPolicy>`,
  ]),
  xml('cors', readCors, [
    '<CORSConfiguration><CORSRule><ID>a</ID><AllowedOrigin>https://*.example</AllowedOrigin><AllowedMethod>GET</AllowedMethod><AllowedHeader>x-*</AllowedHeader><MaxAgeSeconds>60</MaxAgeSeconds><ExposeHeader>etag</ExposeHeader></CORSRule></CORSConfiguration>',
  ]),
  xml('lifecycle', (node) => parseLifecycle(node, []), [
    '<LifecycleConfiguration><Rule><ID>r</ID><Status>Enabled</Status><Filter><Prefix>a/</Prefix></Filter><Expiration><Days>3</Days></Expiration></Rule></LifecycleConfiguration>',
  ]),
  xml('lock configuration', parseConfiguration, [
    '<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>GOVERNANCE</Mode><Days>2</Days></DefaultRetention></Rule></ObjectLockConfiguration>',
  ]),
  xml('notification', (node) => parseNotifications(node, () => true), [
    '<NotificationConfiguration><QueueConfiguration><Id>a</Id><Queue>arn:shoal:sqs::hook:webhook</Queue><Event>s3:ObjectCreated:*</Event><Filter><S3Key><FilterRule><Name>prefix</Name><Value>a/</Value></FilterRule></S3Key></Filter></QueueConfiguration></NotificationConfiguration>',
  ]),
  xml('delete conditions', parseConditions, [
    '<Object><Key>a</Key><ETag>"a"</ETag><Size>3</Size><LastModifiedTime>Thu, 01 Jan 2015 00:00:00 GMT</LastModifiedTime></Object>',
  ]),
  xml('logging', parseLogging, [
    '<BucketLoggingStatus><LoggingEnabled><TargetBucket>logs</TargetBucket><TargetPrefix>a/</TargetPrefix><TargetGrants><Grant><Grantee><ID>p1</ID></Grantee><Permission>READ</Permission></Grant></TargetGrants><TargetObjectKeyFormat><PartitionedPrefix><PartitionDateSource>EventTime</PartitionDateSource></PartitionedPrefix></TargetObjectKeyFormat></LoggingEnabled></BucketLoggingStatus>',
  ]),
  xml('retention', (node) => parseRetention(node, nowMs), [
    `<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>${later}</RetainUntilDate></Retention>`,
  ]),
  xml('legal hold', parseHoldXml, ['<LegalHold><Status>ON</Status></LegalHold>']),
  xml('parts', parseWantedParts, [
    `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"${'a'.repeat(32)}"</ETag></Part><Part><PartNumber>2</PartNumber><ETag>"${'b'.repeat(32)}"</ETag></Part></CompleteMultipartUpload>`,
  ]),
  xml('tagging', (node) => parseTagging(node, 'object'), [
    '<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>',
  ]),
  xml('website', parseWebsite, [
    '<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument><ErrorDocument><Key>e.html</Key></ErrorDocument><RoutingRules><RoutingRule><Condition><KeyPrefixEquals>a/</KeyPrefixEquals></Condition><Redirect><ReplaceKeyPrefixWith>b/</ReplaceKeyPrefixWith></Redirect></RoutingRule></RoutingRules></WebsiteConfiguration>',
  ]),
  plain('s3 tagging header', parseTaggingHeader, ['a=b&c=d%20e']),
  plain('s3 path', (text) => addressOf(decodePath(text), ''), ['/bucket/a%2Fb/c', '/bucket']),
  plain('s3 version id', parseVersionId, ['null']),
  plain('storage policy', (text) => parsePolicy(text, codes), ['replica-3', 'ec-2-1']),
  plain('storage class', (text) => parseStorageClass(text, codes), ['STANDARD', 'GLACIER']),
  plain('s3 part number', parsePartNumber, ['7']),
  plain('s3 checksum name', parseChecksumName, ['CRC32']),
  plain('s3 time', parseSignedTime, ['20130524T000000Z', 'Fri, 24 May 2013 00:00:00 GMT']),
  plain('temporary signature', parseSignature, [
    'da39a3ee5e6b4b0d3255bfef95601890afd80709',
    'sha256:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=',
  ]),
  plain('temporary expiry', parseExpires, ['1795576173', '2026-11-25T12:00:00Z']),
  plain('account list', parseAccountList, ['{"admin":["a"],"read-only":["b:c"]}']),
  plain('large object', parseWanted, ['[{"path":"/c/o","size_bytes":3,"range":"0-2"},{"data":"AAAA"}]']),
  plain('ec2 credential', (blob) => keyPairOf({ type: 'ec2', blob }), ['{"access":"a","secret":"s"}']),
  plain('listen address', parseListen, ['127.0.0.1:9700', '[::1]:80']),
  plain('seed', parseSeed, [`/ip4/192.0.2.1/tcp/9702/p2p/${own.hostId}`]),
  plain(
    'oauth',
    (authorization) => {
      parseOauth(authorization);
      const request = { method: 'POST', url: 'http://h/x', query: new URLSearchParams(), authorization };
      if (verifyOauth(request, 'secret', '')) throw new Error('a signature that nobody made');
    },
    [
      'OAuth oauth_consumer_key="k", oauth_signature_method="HMAC-SHA1", oauth_timestamp="1", oauth_nonce="n", oauth_signature="x%3D"',
    ],
  ),
  plain('totp', (text) => verifyTotp(parseBase32(text) ?? new Uint8Array(), text, nowMs), [
    'JBSWY3DPEHPK3PXP',
    '123456',
  ]),
  valueTarget({ name: 'compliance', refusals: ['BAD_REQUEST'], run: parseCompliance }, [
    { password_regex: '^.{8,}$' },
  ]),
  plain('fragment name', parseFragmentName, [`${stripe}.0`, `${stripe}.1`]),
  bytesTarget(
    {
      name: 'fragments',
      refusals: ['BAD_REQUEST', 'DAMAGED'],
      run(bytes) {
        const size = fragmentBytes(data.length, code);
        if (bytes.length !== size * code.data) return;
        const held = indexes.map((index, at) => [index, bytes.subarray(at * size, (at + 1) * size)] as const);
        decodeFragments(new Map(held), code, data.length);
      },
    },
    [fragments],
  ),
  bytesTarget(
    { name: 'address record', refusals: [], run: (bytes) => openAddresses(topic, own.hostId, bytes) },
    [sealAddresses(topic, own.hostId, addresses, Buffer.alloc(12, 1))],
  ),
];
