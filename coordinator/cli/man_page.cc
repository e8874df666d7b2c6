#include "coordinator/cli/man_page.h"

#include <map>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/status.h"
#include "common/version.h"
#include "coordinator/cli/app_tree.h"

namespace lighter {
namespace {

constexpr char kExamples[] = "Examples:\n";
constexpr char kExitCodes[] = "Exit codes:";

// Of one line: nothing in it is an instruction to roff.
std::string Escaped(absl::string_view text) {
  std::string escaped = absl::StrReplaceAll(text, {{"\\", "\\e"}, {"-", "\\-"}});
  const bool is_request = absl::StartsWith(escaped, ".") || absl::StartsWith(escaped, "'");
  return is_request ? "\\&" + escaped : escaped;
}

std::string Bold(const std::string& text) { return absl::StrCat("\\fB", Escaped(text), "\\fR"); }
std::string Italic(const std::string& text) { return absl::StrCat("\\fI", Escaped(text), "\\fR"); }

// Running text: paragraphs at empty lines, a line of its own for what is indented.
std::string Paragraphs(absl::string_view text) {
  std::string roff;
  for (const absl::string_view line : absl::StrSplit(absl::StripAsciiWhitespace(text), '\n')) {
    if (line.empty()) {
      absl::StrAppend(&roff, ".PP\n");
    } else {
      absl::StrAppend(&roff, absl::StartsWith(line, " ") ? ".br\n" : "",
                      Escaped(absl::StripAsciiWhitespace(line)), "\n");
    }
  }
  return roff;
}

std::string Verbatim(absl::string_view text) {
  std::string roff = ".nf\n";
  for (const absl::string_view line :
       absl::StrSplit(absl::StripTrailingAsciiWhitespace(text), '\n')) {
    absl::StrAppend(&roff, Escaped(line), "\n");
  }
  return roff + ".fi\n";
}

// A footer's parts.
struct Footer {
  std::string text;
  std::string examples;
  std::string exit_codes;
};

Footer Split(const std::string& footer) {
  const size_t codes = std::min(footer.find(kExitCodes), footer.size());
  const size_t examples = std::min(footer.find(kExamples), codes);
  Footer parts;
  parts.text = footer.substr(0, examples);
  parts.examples = std::string(
      absl::StripPrefix(absl::string_view(footer).substr(examples, codes - examples), kExamples));
  parts.exit_codes =
      std::string(absl::StripPrefix(absl::string_view(footer).substr(codes), kExitCodes));
  return parts;
}

// "TEXT", or "text|json".
std::string ValueName(const CLI::Option& option) {
  const std::vector<std::string> choices = Choices(option);
  if (!choices.empty()) return absl::StrJoin(choices, "|");
  return std::string(option.get_type_name().substr(0, option.get_type_name().find(':')));
}

bool TakesValue(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

std::string Entry(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& spelling : Spellings(option)) names.push_back(Bold(spelling));
  std::string head = option.get_positional() && names.empty()
                         ? Italic(option.get_name(/*positional=*/true))
                         : absl::StrJoin(names, ", ");
  if (!names.empty() && TakesValue(option)) absl::StrAppend(&head, " ", Italic(ValueName(option)));
  std::string text = option.get_description();
  if (!option.get_default_str().empty()) {
    absl::StrAppend(&text, " [default: ", option.get_default_str(), "]");
  }
  if (!option.get_envname().empty()) absl::StrAppend(&text, " [env: ", option.get_envname(), "]");
  return absl::StrCat(".TP\n", head, "\n", Paragraphs(text));
}

// Arguments first, then the groups of options as --help has them.
std::string Options(const CLI::App& command) {
  std::string arguments;
  std::map<std::string, std::string> groups;
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_group().empty()) continue;
    std::string& section = option->get_positional() ? arguments : groups[option->get_group()];
    section += Entry(*option);
  }
  std::string roff;
  if (!arguments.empty()) absl::StrAppend(&roff, ".SH ARGUMENTS\n", arguments);
  absl::StrAppend(&roff, ".SH OPTIONS\n", groups["Options"]);
  for (const auto& [name, entries] : groups) {
    if (name != "Options") absl::StrAppend(&roff, ".SS \"", Escaped(name), "\"\n", entries);
  }
  return roff;
}

std::string Synopsis(const CLI::App& command) {
  std::string roff = Bold(FullName(command)) + " [OPTIONS]";
  for (const CLI::Option* option : command.get_options()) {
    if (!option->get_positional()) continue;
    const std::string name = Italic(option->get_name(/*positional=*/true));
    absl::StrAppend(&roff, " ", option->get_required() ? name : absl::StrCat("[", name, "]"));
  }
  if (!Subcommands(command).empty()) absl::StrAppend(&roff, " ", Italic("COMMAND"), " ...");
  return roff + "\n";
}

std::string SeeAlso(const CLI::App& command) {
  std::vector<std::string> pages;
  const auto add = [&pages](const CLI::App& app) {
    pages.push_back(Bold(std::string(absl::StripSuffix(ManPageName(app), ".1"))) + "(1)");
  };
  if (command.get_parent() != nullptr) add(*command.get_parent());
  for (const CLI::App* sub : Subcommands(command)) add(*sub);
  return pages.empty() ? "" : absl::StrCat(".SH SEE ALSO\n", absl::StrJoin(pages, ", "), "\n");
}

std::string Commands(const CLI::App& command) {
  std::string roff;
  for (const CLI::App* sub : Subcommands(command)) {
    absl::StrAppend(&roff, ".TP\n", Bold(sub->get_name()), "\n",
                    Paragraphs(sub->get_description()));
  }
  return roff.empty() ? "" : ".SH COMMANDS\n" + roff;
}

}  // namespace

std::string ManPageName(const CLI::App& command) {
  return absl::StrCat(absl::StrReplaceAll(FullName(command), {{" ", "-"}}), ".1");
}

std::string ManPage(const CLI::App& command) {
  const std::string name(absl::StripSuffix(ManPageName(command), ".1"));
  const Footer footer = Split(command.get_footer());
  const std::string description = command.get_description();
  const absl::string_view brief =
      absl::string_view(description).substr(0, description.find_first_of(";\n"));
  std::string page = absl::StrCat(
      ".TH ", absl::AsciiStrToUpper(name), " 1 \"\" \"lighter ", kVersion, "\" lighter\n",
      ".SH NAME\n", Escaped(name), " \\- ", Escaped(brief), "\n.SH SYNOPSIS\n", Synopsis(command),
      ".SH DESCRIPTION\n", Paragraphs(description + "\n\n" + footer.text), Options(command),
      Commands(command));
  if (!footer.examples.empty()) {
    absl::StrAppend(&page, ".SH EXAMPLES\n", Verbatim(footer.examples));
  }
  if (!footer.exit_codes.empty()) {
    absl::StrAppend(&page, ".SH EXIT STATUS\n", Paragraphs(footer.exit_codes));
  }
  return page + SeeAlso(command);
}

}  // namespace lighter
