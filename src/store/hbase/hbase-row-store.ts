// The five tables in a real HBase, through the HBase room. Knows tables, family and schema;
// nothing of what the rows mean. Promises what RowStore promises; keeps no state of its own.
import type { HBaseObserver } from '../../hbase/observer.ts';
import { HBaseClient } from '../../hbase/hbase-client.ts';
import type { HBaseClientOptions, Place } from '../../hbase/hbase-client.ts';
import type {
  CallOptions,
  CellCursor,
  CheckAndPut,
  PutBatch,
  PutOutcome,
  RowRange,
  ScanTally,
} from '../../model/rows.ts';
import type { RowStore, TableName } from '../row-store.ts';
import { differences, tableSchemas } from '../schema.ts';
import type { TableSchema } from '../schema.ts';

export interface HBaseRowStoreOptions extends HBaseClientOptions {
  readonly tablePrefix: string;
  /** How new tables are split; what rows are salted with is the layout's business. */
  readonly salts: number;
  readonly retentionDays: number;
  readonly observer: HBaseObserver;
}

export class HBaseRowStore implements RowStore {
  readonly kind = 'hbase';
  readonly place: string;
  readonly #client: HBaseClient;
  readonly #schemas: readonly TableSchema[];
  readonly #places: ReadonlyMap<TableName, Place>;

  /** Opens nothing yet: HBase may be out of reach, and calls say so. */
  constructor(options: HBaseRowStoreOptions) {
    this.place = `${options.zookeeper}${options.znode}`;
    this.#client = new HBaseClient(options);
    this.#schemas = tableSchemas(options);
    this.#places = new Map(
      this.#schemas.map(({ name, fullName, family }) => [
        name,
        { table: fullName, family: Buffer.from(family) },
      ]),
    );
  }

  async put(table: TableName, batch: PutBatch, options: CallOptions): Promise<PutOutcome> {
    return await this.#client.put(this.#placeOf(table), batch, options);
  }

  async scan(
    table: TableName,
    range: RowRange,
    visit: (cell: CellCursor) => void,
    options: CallOptions,
  ): Promise<ScanTally> {
    return await this.#client.scan(this.#placeOf(table), range, visit, options);
  }

  async checkAndPut(table: TableName, check: CheckAndPut, options: CallOptions): Promise<boolean> {
    return await this.#client.checkAndPut(this.#placeOf(table), check, options);
  }

  async nowMs(options: CallOptions): Promise<number> {
    return await this.#client.nowMs(options);
  }

  async verifyTables(options: CallOptions): Promise<readonly string[]> {
    const found = await this.#existing(options);
    return this.#schemas.flatMap((table) => {
      const families = found.get(table.fullName);
      if (families === undefined) return [`The table ${table.fullName} does not exist.`];
      return differences(table, families.get(table.family) ?? null);
    });
  }

  async createTables(options: CallOptions): Promise<readonly TableName[]> {
    const found = await this.#existing(options);
    const missing = this.#schemas.filter(({ fullName }) => !found.has(fullName));
    const created = await Promise.all(
      missing.map(async (table) => {
        const { fullName: name, family, attributes, splitKeys } = table;
        const families = new Map([[family, attributes]]);
        return await this.#client.createTable({ name, families, splitKeys }, options);
      }),
    );
    return missing.filter((_, i) => created[i] === true).map(({ name }) => name);
  }

  // eslint-disable-next-line typescript/require-await -- the port closes other stores by waiting
  async close(): Promise<void> {
    this.#client.close();
  }

  #placeOf(table: TableName): Place {
    const place = this.#places.get(table);
    if (place === undefined) throw new Error(`the schema has every table, ${table} too`);
    return place;
  }

  async #existing(
    options: CallOptions,
  ): Promise<ReadonlyMap<string, ReadonlyMap<string, ReadonlyMap<string, string>>>> {
    const names = this.#schemas.map(({ fullName }) => fullName);
    const tables = await this.#client.describeTables(names, options);
    return new Map(tables.map(({ name, families }) => [name, families]));
  }
}
