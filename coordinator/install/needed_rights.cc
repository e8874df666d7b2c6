#include "coordinator/install/needed_rights.h"

#include "coordinator/install/manifests.h"

namespace lighter {
namespace {

// Of each kind of the objects of `--lift-taint`.
std::vector<Right> OnLiftObjects(const std::vector<std::string>& verbs) {
  std::vector<Right> rights;
  for (const std::string& verb : verbs) {
    rights.push_back({.verb = verb, .resource = "serviceaccounts", .ns = kAgentNamespace});
    for (const char* resource : {"clusterroles", "clusterrolebindings"}) {
      rights.push_back({.verb = verb, .resource = resource, .group = "rbac.authorization.k8s.io"});
    }
    for (const char* resource :
         {"validatingadmissionpolicies", "validatingadmissionpolicybindings"}) {
      rights.push_back(
          {.verb = verb, .resource = resource, .group = "admissionregistration.k8s.io"});
    }
  }
  return rights;
}

// Whether there is anything of `--lift-taint`.
Right SeeLiftObjects() {
  return {.verb = "get", .resource = "clusterroles", .group = "rbac.authorization.k8s.io"};
}

}  // namespace

std::vector<Right> InstallRights(bool lifts) {
  std::vector<Right> rights = {
      SeeLiftObjects(),
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
  if (lifts) {
    const std::vector<Right> more = OnLiftObjects({"create", "patch"});
    rights.insert(rights.end(), more.begin(), more.end());
    // RBAC lets nobody grant what he has not himself.
    for (const char* verb : {"get", "patch"}) rights.push_back({.verb = verb, .resource = "nodes"});
  }
  return rights;
}

std::vector<Right> UnliftRights() { return OnLiftObjects({"delete"}); }

std::vector<Right> UninstallRights() {
  std::vector<Right> rights = {
      SeeLiftObjects(),
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
