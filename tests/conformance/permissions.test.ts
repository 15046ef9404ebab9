import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { eventually, onEachTopology } from '@millrace/testkit';
import { type Answer, OPERATIONS, type Operation } from './support/permission-table/operations.ts';
import {
  type Caller,
  type PlantedWorkspace,
  plantWorkspace,
} from './support/permission-table/planted-workspace.ts';
import type { SampleRequest } from './support/permission-table/sample-request.ts';
import { OPEN, samplesFor } from './support/permission-table/samples.ts';

/** What whoever has a credential may do, whatever it permits: see and leave where they are, and be themselves. */
const OPEN_TO_ANY_CREDENTIAL = [
  'DELETE /v1/workspaces/:workspaceId/members/:userId',
  'GET /api/auth/me',
  'GET /v1/workspace-deletions',
  'GET /v1/workspace-deletions/:deletionId',
  'GET /v1/workspaces',
  'GET /v1/workspaces/:workspaceId',
  'POST /api/auth/sign-out',
  'POST /v1/workspaces',
  'POST /v1/workspaces/:workspaceId/session',
  'millrace.api.v1.WorkspaceService/CreateWorkspace',
  'millrace.api.v1.WorkspaceService/CreateWorkspaceSession',
  'millrace.api.v1.WorkspaceService/GetWorkspace',
  'millrace.api.v1.WorkspaceService/GetWorkspaceDeletion',
  'millrace.api.v1.WorkspaceService/ListWorkspaceDeletions',
  'millrace.api.v1.WorkspaceService/ListWorkspaces',
  'millrace.api.v1.WorkspaceService/RemoveMember',
];

const UNKNOWN = `sk_${'u'.repeat(43)}`;

onEachTopology(
  'permissions',
  (stack) => {
    let workspace: PlantedWorkspace;
    let samples: Readonly<Record<string, SampleRequest>>;
    before(async () => {
      workspace = await plantWorkspace(stack());
      samples = samplesFor(workspace.planted);
    });

    const sampleOf = ({ name }: Operation): SampleRequest =>
      samples[name] ??
      assert.fail(`${name} has no sample request: it gets one in permission-table/samples.ts`);

    const callAt = async (
      operation: Operation,
      place: string,
      secret: string,
    ): Promise<Answer & { place: string }> => {
      const answer = await operation.call(stack().connection.url, sampleOf(operation), { place, secret });
      return { place, ...answer };
    };
    /** Calls with a credential at each place where the operation takes one. */
    const callAs = async (operation: Operation, secret: string) => {
      const answers: (Answer & { place: string })[] = [];
      for (const place of placesOf(operation)) answers.push(await callAt(operation, place, secret));
      return answers;
    };
    /** At one of them: of those who may not, some come to each. */
    const callByTurn = (operation: Operation, secret: string, turn: number) => {
      const places = placesOf(operation);
      return callAt(operation, places[turn % places.length] ?? '', secret);
    };

    test('every sample request is one of an operation that is served', () => {
      const served = new Set(OPERATIONS.map(({ name }) => name));
      assert.deepEqual(
        Object.keys(samples).filter((name) => !served.has(name)),
        [],
      );
    });

    test('nothing is open that is not meant to be', () => {
      const open = OPERATIONS.filter(({ access }) => access === 'public').map(({ name }) => name);
      assert.deepEqual(open.sort(), Object.keys(OPEN).sort());
      const toAnyCredential = OPERATIONS.filter(
        ({ access }) => access !== 'public' && access.anyOf.length === 0,
      );
      assert.deepEqual(toAnyCredential.map(({ name }) => name).sort(), OPEN_TO_ANY_CREDENTIAL);
    });

    describe('without a credential, and with one that is unknown', () => {
      for (const operation of OPERATIONS) {
        test(operation.name, async () => {
          const sample = sampleOf(operation);
          const answer = await operation.call(stack().connection.url, sample, undefined);
          if (operation.access === 'public') return assertLetIn(answer, 'nobody');
          if (operation.access.anonymous) assertLetIn(answer, 'nobody');
          else assert.equal(answer.status, 401, answer.text);
          for (const refused of await callAs(operation, UNKNOWN)) {
            assert.equal(refused.status, 401, `${refused.place}: ${refused.text}`);
          }
        });
      }
    });

    describe('from another workspace', () => {
      let asPlanted: string;

      test('what strangers must not see is there to be seen', async () => {
        asPlanted = await workspace.read();
        assert.deepEqual(
          workspace.marks.filter((mark) => !asPlanted.includes(mark)),
          [],
        );
        await eventually(async () => {
          assert.ok((await workspace.readAudit()).includes(workspace.planted.keyId), 'in the audit log');
        });
      });

      for (const operation of OPERATIONS) {
        if (operation.access === 'public') continue;
        test(operation.name, async () => {
          const sample = sampleOf(operation);
          const sent = JSON.stringify(sample);
          for (const stranger of workspace.strangers) {
            for (const answer of await callAs(operation, stranger.secret)) {
              const who = `${stranger.name} by ${answer.place}: ${answer.status} ${answer.text}`;
              const expected = expectedElsewhere(operation, sample, stranger);
              if (expected === 'own') assertLetIn(answer, who);
              else if (expected instanceof RegExp) assert.match(answer.text, expected, who);
              else assert.equal(answer.status, expected, who);
              const seen = workspace.marks.filter(
                (mark) => answer.text.includes(mark) && !sent.includes(mark),
              );
              assert.deepEqual(seen, [], who);
            }
          }
        });
      }

      test('nothing of all that has changed a thing', async () => {
        assert.equal(await workspace.read(), asPlanted);
      });
    });

    describe('with each permission and each role', () => {
      for (const operation of OPERATIONS) {
        if (operation.access === 'public') continue;
        test(operation.name, async () => {
          const sample = sampleOf(operation);
          const wrong: string[] = [];
          for (const [turn, caller] of workspace.callers.entries()) {
            const expected = expectedStatus(operation, sample, caller);
            const answers =
              expected === 'let in'
                ? await callAs(operation, caller.secret)
                : [await callByTurn(operation, caller.secret, turn)];
            for (const { place, status, text } of answers) {
              const isRight = expected === 'let in' ? isLetIn(status) : status === expected;
              if (!isRight) wrong.push(`${caller.name} by ${place}: ${expected}, not ${status} ${text}`);
            }
          }
          assert.deepEqual(wrong, []);
        });
      }
    });
  },
  { mail: true, env: { AUTH_RATE_LIMIT_PER_MINUTE: '0' } },
);

function placesOf({ access }: Operation): readonly string[] {
  return access === 'public' ? ['bearer'] : access.places;
}

function expectedStatus({ access }: Operation, sample: SampleRequest, caller: Caller): 401 | 403 | 'let in' {
  if (access === 'public') return 'let in';
  if (access.caller === 'person' && !caller.isPerson) return 401;
  const has = (permission: string) =>
    caller.permissions.includes(permission) || caller.permissions.includes('*');
  const meetsRule = access.anyOf.length === 0 || access.anyOf.some(has);
  const meetsRequest = (sample.alsoNeeds ?? []).every(has);
  return meetsRule && meetsRequest ? 'let in' : (sample.refusal ?? 403);
}

function expectedElsewhere({ access }: Operation, sample: SampleRequest, stranger: Caller) {
  if (access !== 'public' && access.caller === 'person' && !stranger.isPerson) return 401;
  return sample.elsewhere;
}

function assertLetIn({ status, text }: Answer, who: string): void {
  assert.ok(isLetIn(status), `${who}: ${status} ${text}`);
}

/** Neither refused, nor held up before it could be. */
function isLetIn(status: number): boolean {
  return status !== 401 && status !== 403 && status !== 429 && status < 500;
}
