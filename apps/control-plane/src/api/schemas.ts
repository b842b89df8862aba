import { z } from 'zod';
import { errorSchema } from './errors.ts';

/** Pieces that several resources share, with OpenMetadata's names. */

export const entityReferenceSchema = z
  .looseObject({
    id: z.uuid().optional(),
    type: z.string().max(64).optional(),
    name: z.string().max(256).optional(),
    fullyQualifiedName: z.string().max(3072).optional(),
  })
  .meta({ id: 'EntityReference' });

/** OpenMetadata's EntityName: anything but line breaks, and `::` which its FQNs reserve. */
export const entityNameSchema = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[^\p{Cc}]+$/u, 'must not hold control characters')
  .refine((name) => !name.includes('::'), 'must not hold ::');

export const jsonObjectSchema = z.record(z.string(), z.unknown());

export const idParamsSchema = z.object({ id: z.uuid() });
export const fqnParamsSchema = z.object({ fqn: z.string().min(1).max(3072) });
export const runIdSchema = z.uuid();

export const pagingQuerySchema = z.object({
  limit: z.coerce.number().int().min(0).max(1000).default(10),
  before: z.string().max(8192).optional(),
  after: z.string().max(8192).optional(),
  fields: z.string().max(2048).optional().describe('accepted and ignored: entities are always shown whole'),
  include: z.string().max(32).optional().describe('accepted and ignored: deleted entities are gone'),
});

/** A list as OpenMetadata pages it. */
export function listSchema<T extends z.ZodType>(item: T) {
  return z.object({
    data: z.array(item),
    paging: z.object({ total: z.number().int(), after: z.string().optional(), before: z.string().optional() }),
  });
}

/** An entity as it is shown: the fields that every kind has, and its own. */
export const entitySchema = z
  .looseObject({
    id: z.uuid(),
    name: z.string(),
    fullyQualifiedName: z.string(),
    version: z.number(),
    updatedAt: z.number(),
    updatedBy: z.string(),
    href: z.string(),
  })
  .meta({ id: 'Entity' });
export type ShownEntity = z.infer<typeof entitySchema>;

/** What triggering, deploying and killing answer. */
export const clientResponseSchema = z
  .object({
    code: z.number().int(),
    platform: z.string(),
    reason: z.string().optional(),
    version: z.string().optional(),
    runId: z.string().optional(),
  })
  .meta({ id: 'PipelineServiceClientResponse' });
export type ClientResponse = z.infer<typeof clientResponseSchema>;

/** The failures every route can be answered with. */
export const failures = { '4xx': errorSchema, '5xx': errorSchema } as const;

export const emptySchema = z.null().describe('no content');
