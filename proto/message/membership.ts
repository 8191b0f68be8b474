/**
 * What membership agents say to each other. A fact is one sentence about one host; every message carries some,
 * the sender's own first, so that any contact at all tells that the sender is alive and in which incarnation.
 *
 *   ping ---> ack                     is it there?
 *   relay --> (ping, ack) --> ack     ask it for me; nack when it stays silent for you too
 *   compare -> state -> state         push/pull: digests first, all facts only where they differ
 */
import { type Static, Type } from 'typebox';
import { ShoalError } from '../error.ts';
import { type HostId, parseHostId } from '../ids.ts';

const factStates = ['alive', 'draining', 'suspect', 'dead', 'left'] as const;
export type FactState = (typeof factStates)[number];

export interface MemberFact {
  readonly host: HostId;
  /** Raised by the host alone: at each start, refutation, change of its card or its own state. 0: never heard of. */
  readonly incarnation: number;
  readonly state: FactState;
  /** Incarnation in which its card last changed; whoever holds an older card asks for the new one. */
  readonly card: number;
  /** Who suspects it: suspicions by different hosts confirm each other. */
  readonly accuser?: HostId;
}

export type SwimMessage =
  | { readonly kind: 'ping' | 'ack' | 'nack'; readonly probe: number; readonly facts: readonly MemberFact[] }
  | {
      readonly kind: 'relay';
      readonly probe: number;
      readonly target: HostId;
      readonly facts: readonly MemberFact[];
    }
  | { readonly kind: 'gossip'; readonly facts: readonly MemberFact[] }
  | { readonly kind: 'compare'; readonly digest: number; readonly facts: readonly MemberFact[] }
  /** `answer`: the receiver sends its own facts back. */
  | { readonly kind: 'state'; readonly answer: boolean; readonly facts: readonly MemberFact[] };

/** A page of `state`: 512 facts of some 100 bytes are 50 KB, far below a frame's bound. */
export const factsPerMessageMax = 512;
/** Keeps refutation inside safe integers. What is beyond belief lies far lower and moves with time: `isBelievable`. */
const incarnationMax = 2 ** 48;

const refuse = (what: string, value: unknown): never => {
  throw new ShoalError('BAD_REQUEST', `Cannot read ${JSON.stringify(value)?.slice(0, 80)} as ${what}`);
};

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

const parseCount = (what: string, value: unknown, max: number): number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max
    ? value
    : refuse(what, value);

const parseHost = (value: unknown): HostId =>
  typeof value === 'string' ? parseHostId(value) : refuse('a host id', value);

/** Throws BAD_REQUEST. */
const parseFact = (value: unknown): MemberFact => {
  if (!isRecord(value)) return refuse('a member fact', value);
  const state = factStates.find((known) => known === value.state);
  if (!state) return refuse(`a member state (${factStates.join(', ')})`, value.state);
  const fact: MemberFact = {
    host: parseHost(value.host),
    incarnation: parseCount('an incarnation', value.incarnation, incarnationMax),
    state,
    card: parseCount('a card incarnation', value.card, incarnationMax),
  };
  return value.accuser === undefined ? fact : { ...fact, accuser: parseHost(value.accuser) };
};

/** Throws BAD_REQUEST; takes at most `factsPerMessageMax`. */
export const parseFacts = (value: unknown): readonly MemberFact[] => {
  if (!Array.isArray(value) || value.length > factsPerMessageMax)
    return refuse(`at most ${factsPerMessageMax} member facts`, value);
  return value.map(parseFact);
};

/** Throws BAD_REQUEST. */
export const parseSwimMessage = (value: unknown): SwimMessage => {
  if (!isRecord(value)) return refuse('a membership message', value);
  const facts = parseFacts(value.facts);
  const probe = () => parseCount('a probe number', value.probe, Number.MAX_SAFE_INTEGER);
  switch (value.kind) {
    case 'ping':
    case 'ack':
    case 'nack':
      return { kind: value.kind, probe: probe(), facts };
    case 'relay':
      return { kind: 'relay', probe: probe(), target: parseHost(value.target), facts };
    case 'gossip':
      return { kind: 'gossip', facts };
    case 'compare':
      return { kind: 'compare', digest: parseCount('a digest', value.digest, 2 ** 32), facts };
    case 'state':
      return { kind: 'state', answer: value.answer === true, facts };
    default:
      return refuse('a membership message', value.kind);
  }
};

const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Incarnation = Type.Integer({ minimum: 1, maximum: incarnationMax });
const Address = Type.String({ maxLength: 256 });
const Text = Type.String({ maxLength: 256 });

/** `MemberCard` of agent/membership/port.ts. */
const Card = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 64 }),
  zone: Text,
  peerAddresses: Type.Array(Address, { maxItems: 16 }),
  bulkAddress: Address,
  apiUrl: Address,
  s3Url: Type.Union([Address, Type.Null()]),
  capacityBytes: Type.Number({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  version: Text,
});

/** `Vitals` of agent/membership/port.ts. */
const VitalsShape = Type.Object({
  atMs: Type.Number(),
  storageUsedBytes: Type.Number(),
  storageFreeBytes: Type.Number(),
  memoryTotalMiB: Type.Number(),
  memoryClaimedMiB: Type.Number(),
  vcpusTotal: Type.Number(),
  vcpusClaimed: Type.Number(),
  diskTotalGiB: Type.Number(),
  diskClaimedGiB: Type.Number(),
  machines: Count,
  load: Type.Number(),
  hypervisors: Type.Array(Text, { maxItems: 32 }),
  computeRefusal: Type.Union([Type.String({ maxLength: 1024 }), Type.Null()]),
});

/** One host's load, by its own word. Incarnation and sequence order them, for wall clocks jump. */
export const VitalsRecord = Type.Object({
  incarnation: Incarnation,
  sequence: Count,
  vitals: VitalsShape,
});
export type VitalsRecord = Static<typeof VitalsRecord>;

/** In the order in which they travel: each host tells every other, so names of fields would cost more than values. */
const vitalsFields = [
  ...(['atMs', 'storageUsedBytes', 'storageFreeBytes', 'memoryTotalMiB', 'memoryClaimedMiB'] as const),
  ...(['vcpusTotal', 'vcpusClaimed', 'diskTotalGiB', 'diskClaimedGiB', 'machines', 'load'] as const),
  ...(['hypervisors', 'computeRefusal'] as const),
] satisfies readonly (keyof VitalsRecord['vitals'])[];

/** Body of the notice `membership.vitals`. */
export const packVitals = ({ incarnation, sequence, vitals }: VitalsRecord): readonly unknown[] => [
  incarnation,
  sequence,
  ...vitalsFields.map((field) => vitals[field]),
];
/** A record in shape; what is in it has yet to be checked. A newer agent may append fields. */
export const unpackVitals = (body: unknown): unknown => {
  if (!Array.isArray(body)) return refuse('the load of a host', body);
  const [incarnation, sequence, ...values] = body;
  const vitals = Object.fromEntries(vitalsFields.map((field, at) => [field, values[at]]));
  return { incarnation, sequence, vitals };
};

export const CardRecord = Type.Object({
  host: Type.String({ maxLength: 64 }),
  /** In which the card last changed. */
  incarnation: Incarnation,
  card: Card,
  /** Of the host itself, over all of the above (agent/membership/signed-card.ts). */
  signature: Type.String({ pattern: '^[A-Za-z0-9_-]{86}$' }),
  /** The answering host's own load; another's is not passed on. */
  vitals: Type.Optional(VitalsRecord),
});
export type CardRecord = Static<typeof CardRecord>;

/** Topic `members`: what its sender found out, and its card when that is new. */
export const MembersNews = Type.Object({
  facts: Type.Array(Type.Unknown(), { maxItems: factsPerMessageMax }),
  card: Type.Optional(CardRecord),
});

/** rpc `membership.cards`. */
export const CardsRequest = Type.Object({
  hosts: Type.Array(Type.String({ maxLength: 64 }), { maxItems: 64 }),
});
export const CardsAnswer = Type.Object({ cards: Type.Array(CardRecord, { maxItems: 64 }) });
