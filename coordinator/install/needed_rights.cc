#include "coordinator/install/needed_rights.h"

#include "coordinator/install/manifests.h"

namespace lighter {

std::vector<Right> InstallRights() {
  std::vector<Right> rights = {
      {.verb = "list", .resource = "nodes"},
      {.verb = "get", .resource = "nodes", .subresource = "proxy"},
      {.verb = "list", .resource = "pods"},
      {.verb = "get", .resource = "pods", .ns = kAgentNamespace},
      {.verb = "create", .resource = "pods", .ns = kAgentNamespace},
      {.verb = "create", .resource = "pods", .subresource = "exec", .ns = kAgentNamespace},
      {.verb = "list", .resource = "events", .ns = kAgentNamespace},
  };
  for (const char* verb : {"get", "create", "patch"}) {
    rights.push_back({.verb = verb, .resource = "namespaces"});
  }
  for (const char* verb : {"get", "create", "patch"}) {
    rights.push_back({.verb = verb, .resource = "secrets", .ns = kAgentNamespace});
  }
  for (const char* verb : {"list", "create", "patch", "delete"}) {
    rights.push_back({.verb = verb, .resource = "configmaps", .ns = kAgentNamespace});
    rights.push_back(
        {.verb = verb, .resource = "daemonsets", .group = "apps", .ns = kAgentNamespace});
  }
  return rights;
}

std::vector<Right> UninstallRights() {
  std::vector<Right> rights = {
      {.verb = "list", .resource = "nodes"},
      {.verb = "delete", .resource = "namespaces"},
      {.verb = "create", .resource = "pods", .subresource = "exec", .ns = kAgentNamespace},
      {.verb = "delete", .resource = "secrets", .ns = kAgentNamespace},
      {.verb = "list", .resource = "secrets", .ns = kAgentNamespace},
      {.verb = "list", .resource = "pods", .ns = kAgentNamespace},
      {.verb = "get", .resource = "pods", .ns = kAgentNamespace},
  };
  for (const char* verb : {"list", "delete"}) {
    rights.push_back({.verb = verb, .resource = "configmaps", .ns = kAgentNamespace});
    rights.push_back(
        {.verb = verb, .resource = "daemonsets", .group = "apps", .ns = kAgentNamespace});
  }
  return rights;
}

}  // namespace lighter
