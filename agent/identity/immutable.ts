/** The option `immutable` of domains, projects and roles. */
import { ShoalError } from '../../proto/error.ts';
import type { Options } from './records.ts';

interface HasOptions {
  readonly id: string;
  readonly options?: Options;
}

/** What is immutable only takes changes of its options. Throws FORBIDDEN. */
export const mustBeMutable = (kind: string, { id, options }: HasOptions, asked?: object): void => {
  if (options?.immutable !== true) return;
  const fields = Object.keys(asked ?? {}).filter((name) => name !== 'options');
  if (asked && fields.length === 0) return;
  throw new ShoalError(
    'FORBIDDEN',
    `Unable to ${asked ? 'update' : 'delete'} immutable ${kind} resource: \`${id}\`. Set resource option "immutable" to false first.`,
  );
};
