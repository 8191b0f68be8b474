/** `POST /servers/ID/action`: one key names what to do. */
import { ShoalError } from '../../proto/error.ts';
import type { computeRoutes } from '../../proto/rest/compute.ts';
import { textOf } from '../base/text.ts';
import { type ApiAnswer, type ApiRequest, principalOf } from '../http/port.ts';
import { type Context, param, record, type Serve } from './context.ts';
import type { RequestName } from './server-state.ts';

type Act = (context: Context, request: ApiRequest, value: unknown) => Promise<ApiAnswer>;

const request =
  (name: RequestName): Act =>
  async (context, call) => {
    const id = param(call, 'serverId');
    await context.servers.request(principalOf(call), id, name);
    record(context, call, `server.${name}`, id);
    return { status: 202 };
  };

const reboot: Act = (context, call, value) => {
  const type = textOf((value as { type?: unknown } | null)?.type ?? '').toUpperCase();
  if (type !== 'SOFT' && type !== 'HARD')
    throw new ShoalError('BAD_REQUEST', "Argument 'type' for reboot is not HARD or SOFT");
  return request(type === 'SOFT' ? 'rebootSoft' : 'rebootHard')(context, call, value);
};

const lastLines = (text: string, count: number): string => {
  if (count < 0) return text;
  const lines = text.replace(/\n$/, '').split('\n');
  return count === 0 ? '' : lines.slice(-count).join('\n');
};

const getConsole: Act = async (context, call, value) => {
  const { length } = (value ?? {}) as { length?: unknown };
  const lines = length === undefined || length === null ? -1 : Number(length);
  if (
    !Number.isInteger(lines) ||
    lines < -1 ||
    (typeof length !== 'number' && typeof length !== 'string' && lines !== -1)
  )
    throw new ShoalError(
      'BAD_REQUEST',
      `Invalid input for field/attribute length. Value: ${textOf(length)}.`,
    );
  const output = await context.servers.console(principalOf(call), param(call, 'serverId'));
  return { status: 200, body: { output: lastLines(output, lines) } };
};

const actions: Readonly<Record<string, Act>> = {
  'os-start': request('start'),
  'os-stop': request('stop'),
  reboot,
  pause: request('pause'),
  unpause: request('unpause'),
  'os-getConsoleOutput': getConsole,
};

/** Nova's other actions: known, and not served yet. */
const unserved: ReadonlySet<string> = new Set(
  `addFixedIp addFloatingIp addSecurityGroup changePassword confirmResize createBackup createImage evacuate
  forceDelete injectNetworkInfo lock migrate os-getRDPConsole os-getSPICEConsole os-getSerialConsole
  os-getVNCConsole os-migrateLive os-resetState rebuild removeFixedIp removeFloatingIp removeSecurityGroup
  rescue resetNetwork resize restore resume revertResize shelve shelveOffload suspend trigger_crash_dump
  unlock unrescue unshelve`.split(/\s+/),
);

export const actOnServer: Serve<(typeof computeRoutes)['actOnServer']> = async (context, call) => {
  const [entry] = Object.entries(call.body);
  const [name = '', value] = entry ?? [];
  const act = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (act) return act(context, call, value);
  // Whose server it is comes before what may be done with it.
  await context.servers.show(principalOf(call), param(call, 'serverId'));
  if (unserved.has(name)) throw new ShoalError('NOT_IMPLEMENTED', `The action ${name} is not served yet`);
  throw new ShoalError('BAD_REQUEST', `There is no such action: ${name}`);
};
