import { eq } from 'drizzle-orm';
import type { Database } from '../database/database.ts';
import { settings } from '../database/schema.ts';
import type { JsonObject, SettingsStore } from '../ports.ts';

export function createSettings(database: Database): SettingsStore {
  const get = async (key: string): Promise<JsonObject | undefined> => {
    const rows = await database.use((db) => db.select().from(settings).where(eq(settings.key, key)));
    return rows[0]?.value as JsonObject | undefined;
  };
  return {
    get,
    getOrCreate: async (key, make) => {
      const standing = await get(key);
      if (standing !== undefined) return standing;
      // Made outside of any transaction: it may take long. Whoever inserts first wins.
      const made = await make();
      await database.use((db) => db.insert(settings).values({ key, value: made }).onConflictDoNothing());
      return (await get(key)) ?? made;
    },
    put: async (key, value) => {
      await database.use((db) =>
        db.insert(settings).values({ key, value }).onConflictDoUpdate({ target: settings.key, set: { value } }),
      );
    },
  };
}
