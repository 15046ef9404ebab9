import { pickFreePort, planSplit, type ServicePlanner } from '@millrace/embedded';

let secondPort = 0;

/** Where the second edge of the last {@link planReplicas} answers. */
export function secondEdgeUrl(): string {
  return `http://127.0.0.1:${secondPort}`;
}

/** Each role in a process of its own, edge and auth twice: the second edge asks the second auth. */
export const planReplicas: ServicePlanner = async (options) => {
  const plan = await planSplit(options);
  const auth = named('auth');
  const edge = named('edge');
  const [authAdmin, authPort, edgeAdmin, edgePort] = await Promise.all([1, 2, 3, 4].map(pickFreePort));
  secondPort = edgePort ?? 0;
  return [
    ...plan.slice(0, -1),
    {
      ...auth,
      name: 'auth-2',
      adminPort: authAdmin ?? 0,
      env: { ...auth.env, GRPC_PORT: String(authPort) },
    },
    edge,
    {
      ...edge,
      name: 'edge-2',
      adminPort: edgeAdmin ?? 0,
      env: { ...edge.env, PORT: String(edgePort), AUTH_ADDRESS: `127.0.0.1:${authPort}` },
    },
  ];

  function named(name: string) {
    const found = plan.find((service) => service.name === name);
    if (found === undefined) throw new Error(`the plan has no ${name}`);
    return found;
  }
};
