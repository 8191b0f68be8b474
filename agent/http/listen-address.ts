/** `host:port`, IPv6 in brackets. */
import { ShoalError } from '../../proto/error.ts';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export interface Bound {
  readonly url: string;
  readonly port: number;
}

/** Throws BAD_REQUEST. */
export const parseListen = (listen: string): ListenAddress => {
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(listen) ?? [];
  if (!host || Number(port) > 65535)
    throw new ShoalError('BAD_REQUEST', `Cannot listen on ${JSON.stringify(listen)}: say host:port`);
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
};

/** Where a server that was asked for `address` listens. */
export const boundUrl = (address: ListenAddress, bound: { readonly port: number } | string | null): Bound => {
  const port = typeof bound === 'object' && bound ? bound.port : address.port;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return { url: `http://${host}:${port}`, port };
};
