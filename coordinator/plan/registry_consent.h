// Whether somebody asked for a release's images to come from elsewhere.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "coordinator/helm/helm.h"
#include "coordinator/naming/registry_changes.h"
#include "coordinator/naming/relocation.h"

namespace lighter {

// What a command line says about registries.
struct RegistryConsent {
  Relocation relocation;
  ValueArgs values;                  // the user's own, with files that can be read
  std::vector<std::string> allowed;  // --allow-registry
};

// `text` has the registry's name, whole: not as a part of another one.
bool NamesRegistry(std::string_view text, std::string_view registry);

// The changes to a registry that neither the relocation nor a value of the command line nor
// --allow-registry names. `notes` gets a line for each of the others.
std::vector<RegistryChange> UnaskedChanges(std::vector<RegistryChange> changes,
                                           const RegistryConsent& consent,
                                           std::vector<std::string>& notes);

}  // namespace lighter
