import { AuthService } from '@millrace/contracts/millrace/auth/v1/auth';
import { SignInService } from '@millrace/contracts/millrace/auth/v1/sign_in';
import { WorkspaceService } from '@millrace/contracts/millrace/auth/v1/workspace';
import { createGrpcClient, type GrpcClientOptions, type ServiceMethods } from '@millrace/runtime';

/** What the edge asks of auth, beside verdicts. Methods throw MillraceError; its codes are in the contracts. */
export interface AuthGateway {
  readonly credentials: ServiceMethods<typeof AuthService>;
  readonly signIn: ServiceMethods<typeof SignInService>;
  readonly workspaces: ServiceMethods<typeof WorkspaceService>;
}

/** How auth is called: longest that it may take over a change. */
export const AUTH_CALL = { timeoutMs: 5_000 } as const;

/** Asks the auth service by gRPC. */
export function authOverGrpc(options: GrpcClientOptions): AuthGateway & { close(): void } {
  const credentials = createGrpcClient(AuthService, options);
  const signIn = createGrpcClient(SignInService, options);
  const workspaces = createGrpcClient(WorkspaceService, options);
  return {
    credentials: credentials.methods,
    signIn: signIn.methods,
    workspaces: workspaces.methods,
    close() {
      for (const client of [credentials, signIn, workspaces]) client.close();
    },
  };
}
