#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "datasets/line_format.hpp"
#include "datasets/made.hpp"
#include "datasets/readers/image_options.hpp"
#include "datasets/readers/image_patches.hpp"
#include "datasets/readers/masking_options.hpp"
#include "datasets/readers/plain_text_options.hpp"
#include "datasets/readers/text.hpp"

namespace tapehead {

/// What people say of their data: each source takes what it knows of.
struct DataOptions {
  MadeOptions made = {};  ///< made tasks; made.task is not used
  TextOptions text = {};  ///< readers of files; of others than text their names alone
  ImageOptions images = {};
  PlainTextOptions plain = {};
  MaskingOptions masking = {};
};

/// What a line is to a model of such data.
enum class LineRole {
  question,   ///< it is answered
  beginning,  ///< of an example, which the model goes on with
  excerpt,    ///< of a text, which the model goes on with
};

/// What --task names: where data come from, and all that the rest of the program asks about it. Made tasks become
/// sources by themselves; a reader of files is one as `DataSource reader_NAME()` in datasets/readers/NAME.cpp.
struct DataSource {
  std::string name = {};
  std::string description = {};
  std::string file_option = {};  ///< what names the file to train on, beside --valid and --test: "train"; empty: made
  bool shares_out = false;       ///< of the training file, some may be held out where no file is named for them
  bool reads_pairs = false;      ///< lines of these files are pairs, whose words a tokenizer finds
  std::string usual_tokenizer = "word";  ///< what --tokenizer is unless it is given
  LineRole line_is = LineRole::question;

  bool reads_files() const { return !file_option.empty(); }

  /// The data. With the words of a trained model, `known`, ids are those of the model, and a reader need not have a
  /// training file. Throws what the dataset throws, and DataError for words that are not the known ones.
  std::function<std::unique_ptr<Dataset>(const DataOptions& options, std::optional<Vocabularies> known)> open = {};
  std::function<LineFormat(const DataOptions& options)> lines = {};
  /// What --max-length is unless it is given; empty: such data have no length.
  std::function<std::int64_t(const DataOptions& options)> usual_length = {};
  /// What examples have, by options alone of which none is left to the data; empty: that follows from the data.
  std::function<ExampleShape(const DataOptions& options)> shape = {};
  /// Where features lie in an image, by the same options; empty: they are of none.
  std::function<ImagePatches(const DataOptions& options)> patches = {};
};

/// Every source: the made tasks, then the readers. `tapehead list tasks` and the choices of --task are made from this.
const std::vector<DataSource>& data_sources();

/// Throws ConfigError, with the names that there are, for another name.
const DataSource& find_source(const std::string& name);

/// The names of all that read files, or of those whose file that option names, separated by one space, as
/// Condition::words has them. They live as long as the program. The first is what the option alone chooses.
std::string_view reader_names();
std::string_view readers_of(std::string_view file_option);
/// The same of some of these.
std::string reader_names(bool (*which)(const DataSource& reader));

/// The readers of files. Generated from the list of readers: one without a DataSource does not link.
const std::vector<DataSource>& reader_sources();

}  // namespace tapehead
