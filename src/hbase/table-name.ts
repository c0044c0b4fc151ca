// Names of tables as HBase takes them apart: a namespace and a name within it.
import type { TableNameMessage } from './messages.ts';

/** `namespace:name`, or a name in the namespace `default`. */
export function splitName(name: string): TableNameMessage {
  const colon = name.indexOf(':');
  return {
    namespace: Buffer.from(colon < 0 ? 'default' : name.slice(0, colon)),
    qualifier: Buffer.from(name.slice(colon + 1)),
  };
}

export function joinName({ namespace, qualifier }: TableNameMessage): string {
  const space = Buffer.from(namespace).toString('utf8');
  const name = Buffer.from(qualifier).toString('utf8');
  return space === 'default' ? name : `${space}:${name}`;
}
