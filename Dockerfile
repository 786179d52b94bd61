# Made from scripts/environment/packages.toml by `python -m environment.recipes`; edit that list instead.
#   docker build -t hemoplan .
#   docker run --rm --shm-size=1g -v "$PWD:$PWD" -w "$PWD" hemoplan hemoplan run cases/neonatal_coarctation
FROM debian:trixie-slim

RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        ca-certificates \
        python3 \
        python3-dev \
        python3-pip \
        python3-venv \
        libopenblas0-serial \
        openmpi-bin \
        python3-dolfinx-real \
        python3-h5py \
        python3-h5py-mpi \
        python3-mpi4py \
        python3-petsc4py-real \
        g++ \
        gcc \
        libc6-dev \
        fonts-dejavu-core \
        libegl1 \
        libgl1 \
        libgl1-mesa-dri \
        libglu1-mesa \
        libgomp1 \
        libosmesa6 \
        libxcursor1 \
        libxfixes3 \
        libxft2 \
        libxinerama1 \
        libxrender1 \
    && rm -rf /var/lib/apt/lists/*

RUN /usr/bin/python3 -m venv --system-site-packages /opt/hemoplan/venv \
    && /opt/hemoplan/venv/bin/pip install --no-cache-dir --only-binary=:all: \
        numpy==2.2.4 \
        scipy==1.15.3 \
        h5py==3.13.0 \
        numba==0.68.1 \
        pydantic==2.14.3 \
        pint==0.26.2 \
        typer==0.29.2 \
        rich==15.0.0 \
        meshio==5.3.5 \
        jinja2==3.1.6 \
        tomli-w==1.2.0 \
        SimpleITK==2.5.7 \
        pydicom==3.0.2 \
        scikit-image==0.26.0 \
        vtk==9.6.2 \
        vmtk==1.5.2 \
        pyvista==0.49.1 \
        mmgpy==0.17.1 \
        gmsh==4.15.2 \
        matplotlib==3.11.2 \
        pillow==13.0.0 \
        ruff==0.17.6 \
        mypy==2.4.1 \
        import-linter==2.16 \
        pytest==9.2.0 \
        nibabel==5.4.2 \
        pynrrd==1.1.3

ENV PATH="/opt/hemoplan/venv/bin:/usr/local/bin:/usr/bin:/bin" \
    LC_ALL="C.UTF-8" \
    OMP_NUM_THREADS="1" \
    OPENBLAS_NUM_THREADS="1" \
    VTK_DEFAULT_OPENGL_WINDOW="vtkOSOpenGLRenderWindow" \
    OMPI_ALLOW_RUN_AS_ROOT="1" \
    OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1"

COPY . /opt/hemoplan/source
RUN /opt/hemoplan/venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation /opt/hemoplan/source

CMD ["hemoplan", "--help"]
