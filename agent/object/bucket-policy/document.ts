/**
 * A bucket's policy as it was put: JSON with statements, each of which allows or denies somebody something.
 *
 *     { "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Principal": "*",
 *       "Action": "s3:GetObject", "Resource": "arn:aws:s3:::photos/*", "Condition": { ... } }] }
 *
 * What cannot be understood whole is refused: half a policy would protect half.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-policy-language-overview.html
 */
import { ShoalError } from '../../../proto/error.ts';
import { textOf } from '../../base/text.ts';
import { policyBytesMax } from '../limits.ts';
import { type Condition, parseCondition } from './condition.ts';
import { isKnownFact } from './facts.ts';
import { matchesPattern } from './pattern.ts';

export interface Statement {
  readonly effect: 'Allow' | 'Deny';
  /** ARNs, account ids, `*`, or what `serviceName` makes of a service. */
  readonly principals: readonly string[];
  readonly isNotPrincipal: boolean;
  /** Lower case, with `*` and `?`. */
  readonly actions: readonly string[];
  readonly isNotAction: boolean;
  readonly resources: readonly string[];
  readonly isNotResource: boolean;
  readonly conditions: readonly Condition[];
}

const refuse = (message: string): never => {
  throw new ShoalError('BAD_REQUEST', message);
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const texts = (value: unknown, what: string): readonly string[] => {
  const all = Array.isArray(value) ? value : [value];
  const isFine = all.length > 0 && all.every((one) => ['string', 'number', 'boolean'].includes(typeof one));
  return isFine ? all.map(String) : refuse(`Policy has invalid ${what}`);
};

/** `${aws:username}` and the like, of what is known about requests. */
const checkVariables = (text: string): string => {
  for (const [, name = ''] of text.matchAll(/\$\{([^}]*)\}/g))
    if (!isKnownFact(name)) refuse(`Policy has an unknown variable: ${name}`);
  return text;
};

const allowedFields = [
  ...['Sid', 'Effect', 'Principal', 'NotPrincipal', 'Action', 'NotAction'],
  ...['Resource', 'NotResource', 'Condition'],
];

/** `what` or `Notwhat`, just one of them. */
const either = (
  statement: Readonly<Record<string, unknown>>,
  what: string,
): { readonly value: unknown; readonly isNot: boolean } => {
  const [plain, not] = [statement[what], statement[`Not${what}`]];
  if ((plain === undefined) === (not === undefined))
    refuse(plain === undefined ? `Missing required field ${what}` : `Both ${what} and Not${what} are given`);
  return { value: plain ?? not, isNot: plain === undefined };
};

/** Parts of the cloud that do something by themselves: who delivers logs of requests. */
export const logService = 'logging.s3.amazonaws.com';

/** As a principal: no account is called so. */
export const serviceName = (service: string): string => `service:${service}`;

const readPrincipals = (value: unknown): readonly string[] => {
  if (value === '*') return ['*'];
  if (!isRecord(value)) return refuse('Invalid principal in policy');
  const kinds = Object.keys(value);
  if (kinds.length === 0 || kinds.some((kind) => !['AWS', 'CanonicalUser', 'Service'].includes(kind)))
    return refuse('Invalid principal in policy');
  return kinds.flatMap((kind) => {
    const names = texts(value[kind], 'principal');
    if (kind !== 'Service') return names;
    return names.every((name) => name === logService)
      ? names.map(serviceName)
      : refuse('Invalid principal in policy');
  });
};

const readConditions = (value: unknown): readonly Condition[] => {
  if (value === undefined) return [];
  if (!isRecord(value)) return refuse('Policy has invalid Condition');
  return Object.entries(value).flatMap(([operator, keys]) => {
    if (!isRecord(keys)) return refuse('Policy has invalid Condition');
    return Object.entries(keys).map(([key, wanted]) => {
      // A denial that asks about what nobody knows would deny nothing.
      if (!isKnownFact(key)) refuse(`Policy has an invalid condition key - ${key}`);
      return (
        parseCondition(operator, key, texts(wanted, 'Condition').map(checkVariables)) ??
        refuse(`Invalid Condition type : ${operator}`)
      );
    });
  });
};

const readStatement = (value: unknown, bucket: string): Statement => {
  if (!isRecord(value)) return refuse('Policy has invalid Statement');
  const strange = Object.keys(value).find((field) => !allowedFields.includes(field));
  if (strange !== undefined) refuse(`Unknown field ${strange}`);
  const { Effect: effect } = value;
  if (effect !== 'Allow' && effect !== 'Deny') return refuse(`Invalid effect: ${textOf(effect)}`);
  const principal = either(value, 'Principal');
  if (effect === 'Allow' && principal.isNot) refuse('Allow with NotPrincipal is not allowed.');
  const action = either(value, 'Action');
  const resource = either(value, 'Resource');
  const actions = texts(action.value, 'action').map((text) => text.toLowerCase());
  if (!actions.every((text) => text === '*' || /^s3:[a-z*?]+$/.test(text)))
    refuse('Policy has invalid action');
  const resources = texts(resource.value, 'resource').map(checkVariables);
  // A pattern may name more, it is asked about this bucket only.
  const isOwn = (arn: string): boolean => {
    const [, name] = /^arn:aws:s3:::([^/]+)/.exec(arn) ?? [];
    return name !== undefined && matchesPattern(name, bucket);
  };
  if (!resources.every(isOwn)) refuse('Policy has invalid resource');
  return {
    effect,
    principals: readPrincipals(principal.value),
    isNotPrincipal: principal.isNot,
    actions,
    isNotAction: action.isNot,
    resources,
    isNotResource: resource.isNot,
    conditions: readConditions(value.Condition),
  };
};

/** Throws BAD_REQUEST. */
export const parsePolicy = (text: string, bucket: string): readonly Statement[] => {
  if (Buffer.byteLength(text) > policyBytesMax)
    refuse(`Policy exceeds the maximum allowed document size of ${policyBytesMax} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refuse('This policy contains invalid Json');
  }
  if (!isRecord(value)) return refuse('Policies must be valid JSON and the first byte must be "{"');
  const strange = Object.keys(value).find((field) => !['Version', 'Id', 'Statement'].includes(field));
  if (strange !== undefined) refuse(`Unknown field ${strange}`);
  if (value.Version !== undefined && !['2012-10-17', '2008-10-17'].includes(textOf(value.Version)))
    refuse('The policy must contain a valid version string');
  const statements = Array.isArray(value.Statement) ? value.Statement : [value.Statement];
  if (value.Statement === undefined || statements.length === 0) refuse('Missing required field Statement');
  return statements.map((statement) => readStatement(statement, bucket));
};

/** Keys whose values a stranger cannot choose. */
const narrowing: readonly string[] = ['aws:sourceip', 'aws:userid', 'aws:username', 'aws:principalaccount'];

const isNarrow = ({ key, wanted, isNegated, ifExists }: Condition): boolean =>
  narrowing.includes(key) && !isNegated && !ifExists && !wanted.some((text) => /^\*|\/0$/.test(text));

/** Does it let in the whole world, without any condition that narrows it down? */
export const isPublic = (statements: readonly Statement[]): boolean =>
  statements.some(
    ({ effect, principals, isNotPrincipal, conditions }) =>
      effect === 'Allow' && (isNotPrincipal || principals.includes('*')) && !conditions.some(isNarrow),
  );
