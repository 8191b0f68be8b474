/** What clients send: tokens, JSON bodies of all routes, headers, object paths, listings' queries, images, keys. */

import { readMicroversion } from '../../../agent/compute/microversion.ts';
import { compilePattern } from '../../../agent/compute/pattern.ts';
import { parsePublicKey } from '../../../agent/compute/ssh-key.ts';
import { compileCheck } from '../../../agent/http/validate.ts';
import { issueToken, readToken } from '../../../agent/identity/token.ts';
import { detect, inspectStream } from '../../../agent/image/inspect.ts';
import { applyPatch, parsePatch } from '../../../agent/image/patch.ts';
import { parseNewImage } from '../../../agent/image/properties.ts';
import { pageOf } from '../../../agent/image/query.ts';
import type { ImageRow } from '../../../agent/image/records.ts';
import { listAllows, parseAccessList } from '../../../agent/object/access-list.ts';
import { parseRange } from '../../../agent/object/byte-range.ts';
import { checkConditions, rangeCounts } from '../../../agent/object/conditions.ts';
import { mergeMetadata, readKeptHeaders, readMetadata } from '../../../agent/object/metadata.ts';
import { checkPath, parseCopyPath, parseManifest, parsePath } from '../../../agent/object/name.ts';
import { verifySignature } from '../../../agent/peer/host-key.ts';
import { clusterRoutes } from '../../../proto/rest/cluster.ts';
import { computeRoutes } from '../../../proto/rest/compute.ts';
import { identityRoutes } from '../../../proto/rest/identity.ts';
import { imageRoutes } from '../../../proto/rest/image.ts';
import type { Route } from '../../../proto/rest/route.ts';
import { fakePrincipal } from '../../fake/http.ts';
import { dynamicVhd, fixedVhd, iso, qcow2, vdi, vhdx, vmdk } from '../../image/disks.ts';
import type { Prng } from '../../sim/prng.ts';
import { nowMs, own } from '../samples.ts';
import { bytesTarget, jsonTarget, packedTarget, type Target, textTarget, valueTarget } from '../target.ts';

const signer = {
  hostId: own.hostId,
  sign: own.sign,
  verify: verifySignature,
  isHost: () => true,
};
const token = await issueToken(signer, {
  userId: 'ab'.repeat(16),
  generation: 3,
  scope: { kind: 'project', id: 'cd'.repeat(16) },
  methods: ['password'],
  auditId: 'AAAAAAAAAAAAAAAAAAAAAA',
  issuedAtMs: nowMs,
  expiresAtMs: nowMs + 3_600_000,
});
/** A token that was changed must not be one. */
const noForgery = async (text: string): Promise<void> => {
  await readToken(signer, text);
  if (text !== token) throw new Error('a token that nobody signed was taken');
};

const isRoute = (value: unknown): value is Route =>
  typeof value === 'object' && value !== null && 'method' in value && 'path' in value;
const routesOf = (tree: unknown): readonly Route[] =>
  isRoute(tree)
    ? [tree]
    : typeof tree === 'object' && tree !== null
      ? Object.values(tree).flatMap(routesOf)
      : [];
const withBody = routesOf([identityRoutes, computeRoutes, imageRoutes, clusterRoutes]).filter(
  (route) => route.body,
);
const bodies = [
  {
    auth: {
      identity: {
        methods: ['password'],
        password: { user: { name: 'ann', domain: { id: 'default' }, password: 'x' } },
      },
      scope: { project: { name: 'reef', domain: { id: 'default' } } },
    },
  },
  { user: { name: 'ann', password: 'x', enabled: true, email: 'a@b' } },
  { project: { name: 'reef', domain_id: 'default', tags: [] } },
  { role: { name: 'diver' } },
  { domain: { name: 'sea', enabled: true } },
  { server: { name: 'db1', flavorRef: '1', imageRef: 'ab', networks: 'none', metadata: { a: 'b' } } },
  { flavor: { name: 'small', vcpus: 1, ram: 128, disk: 1, id: '1' } },
  { keypair: { name: 'k', public_key: 'ssh-ed25519 AAAA' } },
  { metadata: { a: 'b' } },
  { name: 'cirros', disk_format: 'qcow2', container_format: 'bare', tags: ['x'], os_distro: 'debian' },
  [{ op: 'replace', path: '/name', value: 'x' }],
  { expiresInSeconds: 300 },
  { 'os-start': null },
  { reboot: { type: 'SOFT' } },
];

/** One target for all routes: the draws choose the route, the body comes as JSON text as it does on the wire. */
const bodyTarget = (): Target => {
  const checks = withBody.map((route) => route.body && compileCheck(route.body, 'the body'));
  let chosen = checks[0];
  const inner = jsonTarget(
    {
      name: 'json body',
      refusals: ['BAD_REQUEST'],
      run(text) {
        let value: unknown;
        try {
          value = JSON.parse(text);
        } catch {
          return;
        }
        chosen?.(value);
      },
    },
    bodies,
  );
  return {
    ...inner,
    valid: [],
    input(chance: Prng) {
      chosen = checks[chance.int(checks.length)];
      return inner.input(chance);
    },
  };
};

const image: ImageRow = {
  id: '11111111-1111-4111-8111-111111111111' as ImageRow['id'],
  birth: '11111111-1111-4111-8111-111111111111' as ImageRow['id'],
  name: 'cirros',
  owner: 'p',
  visibility: 'private',
  protected: false,
  hidden: false,
  containerFormat: 'bare',
  diskFormat: 'qcow2',
  minDiskGiB: 0,
  minRamMiB: 0,
  status: 'queued',
  upload: null,
  data: null,
  tags: [],
  properties: { os_distro: 'debian' },
  createdAtMs: nowMs,
  updatedAtMs: nowMs,
};

const headers = {
  host: 'x',
  range: 'bytes=0-5,-3',
  'if-match': '"a", W/"b"',
  'if-none-match': '*',
  'if-range': 'Wed, 21 Oct 2015 07:28:00 GMT',
  'if-modified-since': 'Wed, 21 Oct 2015 07:28:00 GMT',
  'x-object-meta-colour': 'blue',
  'x-container-meta-temp-url': 'x',
  'x-remove-container-meta-a': 'x',
  'content-encoding': 'gzip',
  'x-object-manifest': 'c/prefix',
  'openstack-api-version': 'compute 2.2',
};
const isText = (value: unknown): value is string => typeof value === 'string';
/** Node gives headers as text, those that come twice joined; what else a bent value has is left out. */
const asHeaders = (value: unknown): Record<string, string> =>
  Object.fromEntries(
    Object.entries(typeof value === 'object' && value !== null ? value : {}).flatMap(
      ([name, part]): [string, string][] => (isText(part) ? [[name.toLowerCase(), part]] : []),
    ),
  );

const inspectWhole = async (bytes: Uint8Array): Promise<void> => {
  async function* pieces() {
    for (let at = 0; at < bytes.length; at += 40_000) yield bytes.subarray(at, at + 40_000);
  }
  const { stream, virtualBytes } = inspectStream(pieces(), {
    diskFormat: 'qcow2',
    containerFormat: 'bare',
    lenient: true,
  });
  let length = 0;
  for await (const piece of stream) length += piece.length;
  if (length !== bytes.length) throw new Error('an inspector changed the length of its stream');
  virtualBytes();
};
const disks = [qcow2(), qcow2({ backing: true }), vmdk(), vdi(), dynamicVhd(), fixedVhd(), vhdx(), iso()];

export const serviceTargets = (): readonly Target[] => [
  textTarget({ name: 'token', refusals: ['NOT_AUTHENTICATED'], run: noForgery }, [token]),
  bytesTarget(
    {
      name: 'token bytes',
      refusals: ['NOT_AUTHENTICATED'],
      run: (bytes) => noForgery(Buffer.from(bytes).toString('base64url')),
    },
    [Buffer.from(token, 'base64url')],
  ),
  // Signed by a host of the cluster, and still nonsense.
  packedTarget(
    {
      name: 'signed token',
      refusals: ['NOT_AUTHENTICATED'],
      run: (body) =>
        readToken(
          signer,
          Buffer.concat([body, own.sign(Buffer.concat([Buffer.from('shoal token\0'), body]))]).toString(
            'base64url',
          ),
        ),
    },
    [
      [
        own.publicKey,
        Buffer.alloc(16, 1),
        3,
        1,
        Buffer.alloc(16, 2),
        1,
        Buffer.alloc(16),
        nowMs,
        nowMs / 1000,
        null,
      ],
    ],
  ),
  bodyTarget(),
  bytesTarget({ name: 'image head', refusals: [], run: detect }, disks),
  bytesTarget({ name: 'image stream', refusals: ['UNSUPPORTED_MEDIA'], run: inspectWhole }, [
    qcow2(),
    vmdk(),
    fixedVhd(),
  ]),
  valueTarget(
    {
      name: 'image patch',
      refusals: ['BAD_REQUEST', 'FORBIDDEN', 'CONFLICT', 'TOO_LARGE'],
      run: (body) => applyPatch(image, parsePatch(Array.isArray(body) ? body : [], 10), 10),
    },
    [
      [
        { op: 'replace', path: '/name', value: 'x' },
        { op: 'add', path: '/a~1b', value: 'c' },
        { op: 'remove', path: '/os_distro' },
      ],
    ],
  ),
  valueTarget(
    {
      name: 'new image',
      refusals: ['BAD_REQUEST', 'FORBIDDEN', 'TOO_LARGE'],
      run: (body) => parseNewImage(typeof body === 'object' && body !== null ? { ...body } : {}),
    },
    [bodies[9]],
  ),
  textTarget(
    {
      name: 'image query',
      refusals: ['BAD_REQUEST'],
      run: (text) =>
        pageOf([image, { ...image, name: null }], new URLSearchParams(text), fakePrincipal('admin'), nowMs),
    },
    [
      'name=in:a,"b,c"&size_min=1&created_at=gt:2020-01-01T00:00:00Z&sort=name:asc,size&limit=5',
      'visibility=shared&member_status=all&tag=x&sort_key=name&sort_dir=desc&os_hidden=true',
    ],
  ),
  valueTarget(
    {
      name: 'object headers',
      refusals: ['BAD_REQUEST', 'NOT_ACCEPTABLE'],
      run(value) {
        const given = asHeaders(value);
        const thing = { etag: 'a', modifiedSeconds: 1_400_000_000 };
        checkConditions(given, thing);
        rangeCounts(given, thing);
        readKeptHeaders(given);
        readMetadata('object', given);
        mergeMetadata('container', { a: 'b' }, given);
        readMicroversion(given);
      },
    },
    [headers],
  ),
  textTarget({ name: 'range', refusals: [], run: (text) => parseRange(text, 1_000) }, [
    'bytes=0-5,-3,7-',
    'bytes=-0',
  ]),
  textTarget(
    {
      name: 'object path',
      refusals: ['BAD_REQUEST', 'NOT_FOUND', 'PRECONDITION_FAILED'],
      run(text) {
        const [account = '', container = '', ...rest] = text.split('/');
        checkPath(parsePath({ account, container, '*': rest.join('/') }));
      },
    },
    ['AUTH_0123/photos/reef/a.jpg', 'AUTH_x/c//a/../b/'],
  ),
  textTarget(
    { name: 'object manifest', refusals: ['BAD_REQUEST', 'PRECONDITION_FAILED'], run: parseManifest },
    ['c/prefix', 'c%2Fd/p%C3%A9'],
  ),
  textTarget(
    {
      name: 'copy path',
      refusals: ['BAD_REQUEST', 'PRECONDITION_FAILED'],
      run: (text) => parseCopyPath('Destination', text),
    },
    ['/c/o', 'c/%C3%A9/x'],
  ),
  textTarget(
    {
      name: 'access list',
      refusals: ['BAD_REQUEST'],
      run(text) {
        const list = parseAccessList('X-Container-Read', text);
        listAllows(list, 'listing', { principal: fakePrincipal('member:p'), referrer: text });
      },
    },
    ['.r:*,.rlistings,p:u, *:ann', '.r:-evil.example,.r:.example'],
  ),
  textTarget(
    { name: 'name pattern', refusals: ['BAD_REQUEST'], run: (text) => compilePattern(text)('a'.repeat(200)) },
    ['^(a|b)*[a-z]+\\d?$', '(a*)*b'],
  ),
  textTarget({ name: 'ssh key', refusals: ['BAD_REQUEST'], run: parsePublicKey }, [
    `ssh-ed25519 ${Buffer.concat([Buffer.from([0, 0, 0, 11]), Buffer.from('ssh-ed25519'), Buffer.from([0, 0, 0, 32]), own.publicKey]).toString('base64')} ann@reef`,
  ]),
];
