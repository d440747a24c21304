#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "autograd/parameters.hpp"
#include "trainers/checkpoint/hdf5_catalogue.hpp"
#include "trainers/optimizer.hpp"

namespace tapehead {

/// What a checkpoint says beside the parameters.
struct CheckpointMeta {
  std::string config;  ///< text of config.cfg: enough to make the model again
  std::uint64_t step = 0;
  std::vector<std::string> source_vocabulary, target_vocabulary;  ///< without the reserved words
  std::map<std::string, double> numbers = {};                     ///< counters of the training
  std::map<std::string, std::string> texts = {};                  ///< such as the digest of the data
};

/// A counter among the numbers, 0 where there is none: older checkpoints have fewer. Throws CheckpointError for a
/// number that counts nothing.
std::int64_t counter_in(const std::map<std::string, double>& numbers, const std::string& name);

/// What wrote a checkpoint: steps made by another build, BLAS library or kernel may differ in their last bits.
struct CheckpointOrigin {
  std::string created_by;                                 ///< "tapehead 0.1.0, g++ 12.2.0, avx512"
  std::string blas_library, blas_kernel, blas_threading;  ///< see BlasInfo; the last is empty in older checkpoints
};

/// What writes checkpoints here and now.
CheckpointOrigin this_origin();

/// Each part in which two origins differ, as "BLAS kernel Haswell, now SkylakeX; …"; empty if results are the same to
/// the bit. The threading of BLAS changes none: every worker multiplies alone.
std::string difference(const CheckpointOrigin& then, const CheckpointOrigin& now);

/// Writes one HDF5 file that any HDF5 reader opens: attributes on `/` (format, version, created_by, config, step, …),
/// `/parameters/<path>` in the shapes a row-major reader expects (a linear weight is (out, in), an embedding (V, C), a
/// bias (out)), `/optimizer/<kind>/<moment>/<path>`, `/vocabulary/{source,target}`, `/training`. Sealed and atomic, see
/// sealed_file.hpp; equal state gives equal bytes. Throws CheckpointError, also for parameters and moments that are not
/// finite; the file that was there stays.
template <RealScalar T>
void save_checkpoint(const std::string& path, const CheckpointMeta& meta, const ParameterStore<T>& parameters,
                     const Optimizer<T>& optimizer);

/// A checkpoint that was read whole and found undamaged.
class CheckpointReader {
 public:
  /// Throws CheckpointError for a file that is missing, damaged, of another format or of a newer version.
  explicit CheckpointReader(const std::string& path);
  /// Of a file's image that somebody read and listed; `path` is what messages call it.
  CheckpointReader(const std::string& path, std::vector<std::byte> image, Hdf5Catalogue catalogue);

  const CheckpointMeta& meta() const { return meta_; }
  const CheckpointOrigin& origin() const { return origin_; }
  const std::string& path() const { return path_; }

  /// Throws what load() throws for the parameters of another model, before memory is taken for them.
  void require_parameters(const ParameterLayout& layout) const;

  /// Throws CheckpointError, naming the parameter and the file, unless it holds the store's parameters and no others,
  /// in its shapes and precision, and all of them are finite; the store is then as before.
  template <RealScalar T>
  void load(ParameterStore<T>& parameters) const;
  /// The same for what the optimizer remembers.
  template <RealScalar T>
  void load(ParameterStore<T>& parameters, Optimizer<T>& optimizer) const;

 private:
  std::string path_;
  std::vector<std::byte> image_;  // of the file, without its seal
  Hdf5Catalogue catalogue_;       // of the image
  CheckpointMeta meta_;
  CheckpointOrigin origin_;
};

/// XXH3-128 over the values of all parameters in their order, in hex: equal if and only if two runs agree to the bit.
template <RealScalar T>
std::string parameter_digest(const ParameterStore<T>& parameters);

}  // namespace tapehead
