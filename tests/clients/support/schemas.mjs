// Every event that a server sends, held against the protocol's schemas: OpenAI's (generated) and ours.
import { readFileSync } from 'node:fs';
import Ajv from 'ajv';

const read = (name) => JSON.parse(readFileSync(new URL(`../schema/${name}`, import.meta.url), 'utf8'));

function merged() {
  const schema = read('openai-realtime.schema.json');
  const ours = read('repartee.schema.json');
  for (const [name, more] of Object.entries(ours.extensions)) {
    const definition = schema.definitions[name];
    Object.assign((definition.properties ??= {}), more.properties);
    if (more.anyOf) definition.anyOf.push(...more.anyOf);
    if (Object.keys(definition.properties).length === 0) delete definition.properties;
  }
  Object.assign(schema.definitions, ours.definitions);
  return { definitions: schema.definitions, events: { ...schema.events.RealtimeServerEvent, ...ours.server_events } };
}

const { definitions, events } = merged();
const ajv = new Ajv({ strict: false, allErrors: true });
const validators = new Map();

export const declaredEvents = () => Object.keys(events).sort();

/** What is wrong with the event; undefined: nothing. */
export function violation(event) {
  const declared = events[event.type];
  if (!declared) return `no event is called ${event.type}`;
  if (!validators.has(event.type)) {
    const own = structuredClone(declared.$ref ? definitions[decodeURIComponent(declared.$ref.slice('#/definitions/'.length))] : declared);
    own.properties.seq = { type: 'integer', minimum: 0 };
    validators.set(event.type, ajv.compile({ ...own, definitions }));
  }
  const validate = validators.get(event.type);
  return validate(event) ? undefined : `${ajv.errorsText(validate.errors)}: ${JSON.stringify(event)}`;
}

/** Collects what a client receives: an empty list of violations, and which events there were. */
export class Validated {
  seen = new Map();
  violations = [];
  take(event) {
    const count = (this.seen.get(event.type) ?? 0) + 1;
    this.seen.set(event.type, count);
    const wrong = count <= 50 ? violation(event) : undefined;
    if (wrong) this.violations.push(wrong);
  }
}
