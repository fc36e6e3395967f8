"""Products as the providers deliver them, small, made from arrays that a test knows: .SAFE trees, their zips, HDF4-EOS grids, Landsat bundles."""

import json
import zipfile
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from running import SHARED

BANDS = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"]

MANIFEST = """<?xml version="1.0" encoding="UTF-8"?>
<xfdu:XFDU xmlns:xfdu="urn:ccsds:schema:xfdu:1"><dataObjectSection>
{objects}
</dataObjectSection></xfdu:XFDU>
"""
OBJECT = '<dataObject ID="{id}"><byteStream mimeType="text/xml"><fileLocation locatorType="URL" href="./{href}"/></byteStream></dataObject>'

PRODUCT = """<?xml version="1.0" encoding="UTF-8"?>
<n1:Level-2A_User_Product xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/User_Product_Level-2A.xsd">
<n1:General_Info><Product_Info>
<PRODUCT_START_TIME>{when}</PRODUCT_START_TIME><PRODUCT_STOP_TIME>{when}</PRODUCT_STOP_TIME>
<PRODUCT_URI>{name}.SAFE</PRODUCT_URI><PROCESSING_LEVEL>Level-2A</PROCESSING_LEVEL><PRODUCT_TYPE>S2MSI2A</PRODUCT_TYPE>
<PROCESSING_BASELINE>{baseline}</PROCESSING_BASELINE><GENERATION_TIME>{when}</GENERATION_TIME>
<Datatake datatakeIdentifier="GS2A"><SPACECRAFT_NAME>Sentinel-2A</SPACECRAFT_NAME><DATATAKE_TYPE>INS-NOBS</DATATAKE_TYPE>
<SENSING_ORBIT_NUMBER>61</SENSING_ORBIT_NUMBER><SENSING_ORBIT_DIRECTION>DESCENDING</SENSING_ORBIT_DIRECTION></Datatake>
<Product_Organisation><Granule_List>
<Granule datastripIdentifier="S2A_OPER_MSI_L2A_DS_2APS_20220704T080000_S{start}_N{baseline}" granuleIdentifier="{granule}" imageFormat="JPEG2000">
{images}
</Granule></Granule_List></Product_Organisation></Product_Info>
<Product_Image_Characteristics>
{offsets}
<Reflectance_Conversion><U>0.967</U></Reflectance_Conversion></Product_Image_Characteristics></n1:General_Info>
<n1:Geometric_Info><Product_Footprint><Product_Footprint><Global_Footprint><EXT_POS_LIST>38.0 99.4 38.0 99.6 37.9 99.6 37.9 99.4 38.0 99.4
</EXT_POS_LIST></Global_Footprint></Product_Footprint></Product_Footprint></n1:Geometric_Info>
<n1:Quality_Indicators_Info><Cloud_Coverage_Assessment>{cloud}</Cloud_Coverage_Assessment></n1:Quality_Indicators_Info>
</n1:Level-2A_User_Product>
"""

TILE = """<?xml version="1.0" encoding="UTF-8"?>
<n1:Level-2A_Tile_ID xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/S2_PDI_Level-2A_Tile_Metadata.xsd">
<n1:General_Info><TILE_ID>S2A_OPER_MSI_L2A_TL_2APS_20220704T080000_A036000_{tile}_N{baseline}</TILE_ID></n1:General_Info>
<n1:Geometric_Info><Tile_Geocoding><HORIZONTAL_CS_CODE>{crs}</HORIZONTAL_CS_CODE>
{sizes}
<Geoposition resolution="10"><ULX>{west:.0f}</ULX><ULY>{north:.0f}</ULY><XDIM>10</XDIM><YDIM>-10</YDIM></Geoposition></Tile_Geocoding>
<Tile_Angles><Mean_Sun_Angle><ZENITH_ANGLE>20.5</ZENITH_ANGLE><AZIMUTH_ANGLE>140.25</AZIMUTH_ANGLE></Mean_Sun_Angle>
<Mean_Viewing_Incidence_Angle_List><Mean_Viewing_Incidence_Angle bandId="0"><ZENITH_ANGLE>5</ZENITH_ANGLE><AZIMUTH_ANGLE>100</AZIMUTH_ANGLE>
</Mean_Viewing_Incidence_Angle></Mean_Viewing_Incidence_Angle_List></Tile_Angles></n1:Geometric_Info>
<n1:Quality_Indicators_Info><Image_Content_QI><CLOUDY_PIXEL_PERCENTAGE>{cloud}</CLOUDY_PIXEL_PERCENTAGE></Image_Content_QI></n1:Quality_Indicators_Info>
</n1:Level-2A_Tile_ID>
"""
EMPTY = '<?xml version="1.0"?><x/>'


def write_jp2(path, values, transform, crs):
    """Write one band as lossless JPEG 2000."""
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"driver": "JP2OpenJPEG", "dtype": values.dtype, "count": 1, "height": values.shape[0], "width": values.shape[1]}
    with rasterio.open(path, "w", crs=crs, transform=transform, QUALITY="100", REVERSIBLE="YES", YCBCR420="NO", **profile) as out:
        out.write(values, 1)
    Path(f"{path}.aux.xml").unlink(missing_ok=True)


def safe_name(when, baseline="05.10", tile="T47SNC", level="MSIL2A", made="20240101T000000"):
    """Return the name of a Sentinel-2 product, without .SAFE."""
    start = when.replace("-", "").replace(":", "")[:15]
    return f"S2A_{level}_{start}_N{baseline.replace('.', '')}_R061_{tile}_{made}"


def write_safe(folder, when, red, nir, scl, *, baseline="05.10", west=540_000, north=4_210_300, crs="EPSG:32647", cloud=10.25, **named):
    """Write a Level-2A .SAFE tree below a folder, with the files that ESA's have and that are read; return its path.

    Tiles are square, as ESA's are: what is missing to the right or below is no data.
    """
    side = max(np.asarray(red).shape)
    red, nir, scl = (np.pad(v, [(0, n - s) for s in np.asarray(v).shape]) for v, n in ((red, side), (nir, side), (scl, side // 2)))
    name = safe_name(when, baseline, **named)
    tile, start = name.split("_")[5], name.split("_")[2]
    root, granule = Path(folder) / f"{name}.SAFE", f"L2A_{tile}_A036000_{start}"
    images = {"B04_10m": (red, 10), "B08_10m": (nir, 10), "SCL_20m": (scl, 20)}
    paths = {k: f"GRANULE/{granule}/IMG_DATA/R{size}m/{tile}_{start}_{k}" for k, (_, size) in images.items()}
    for key, (values, size) in images.items():
        write_jp2(root / f"{paths[key]}.jp2", np.asarray(values), Affine(size, 0, west, 0, -size, north), crs)
    rows, cols = np.asarray(red).shape
    sizes = "\n".join(f'<Size resolution="{s}"><NROWS>{rows * 10 // s}</NROWS><NCOLS>{cols * 10 // s}</NCOLS></Size>' for s in (10, 20, 60))
    added = "".join(f'<BOA_ADD_OFFSET band_id="{b}">-1000</BOA_ADD_OFFSET>' for b in BANDS)
    offsets = f"<BOA_ADD_OFFSET_VALUES_LIST>{added}</BOA_ADD_OFFSET_VALUES_LIST>" if baseline >= "04.00" else ""
    facts = {"name": name, "when": f"{when}.024Z", "baseline": baseline, "start": start, "granule": granule, "offsets": offsets, "cloud": cloud}
    facts |= {"images": "\n".join(f"<IMAGE_FILE>{p}</IMAGE_FILE>" for p in paths.values()), "tile": tile, "crs": crs, "sizes": sizes}
    objects = {"S2_Level-2A_Product_Metadata": "MTD_MSIL2A.xml", "S2_Level-2A_Tile1_Metadata": f"GRANULE/{granule}/MTD_TL.xml"}
    objects |= {"INSPIRE_Metadata": "INSPIRE.xml", "S2_Level-2A_Datastrip1_Metadata": "DATASTRIP/DS/MTD_DS.xml"}
    texts = {
        "manifest.safe": MANIFEST.format(objects="\n".join(OBJECT.format(id=k, href=v) for k, v in objects.items())),
        "MTD_MSIL2A.xml": PRODUCT.format(**facts),
        objects["S2_Level-2A_Tile1_Metadata"]: TILE.format(west=west, north=north, **facts),
        "INSPIRE.xml": EMPTY,
        "DATASTRIP/DS/MTD_DS.xml": EMPTY,
    }
    for path, text in texts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


def zip_safe(safe, target=None, method=zipfile.ZIP_DEFLATED):
    """Pack a .SAFE tree as the Copernicus Data Space does; return the path of the zip."""
    target = target or safe.with_name(f"{safe.name}.zip")
    with zipfile.ZipFile(target, "w", method) as archive:
        for path in sorted(safe.rglob("*")):
            archive.write(path, f"{safe.name}/{path.relative_to(safe).as_posix()}")
    return target


STRUCT = """GROUP=SwathStructure
END_GROUP=SwathStructure
GROUP=GridStructure
	GROUP=GRID_1
		GridName="MODIS_Grid"
		XDim={cols}
		YDim={rows}
		UpperLeftPointMtrs=({left:f},{top:f})
		LowerRightMtrs=({right:f},{bottom:f})
		Projection={projection}
		ProjParams=(6371007.181000,0,0,0,0,0,0,0,0,0,0,0,0)
		SphereCode=-1
		GridOrigin=HDFE_GD_UL
		GROUP=DataField
{fields}
		END_GROUP=DataField
	END_GROUP=GRID_1
END_GROUP=GridStructure
END
"""
FIELD = (
    '			OBJECT=DataField_{n}\n				DataFieldName="{name}"\n				DimList=("YDim","XDim")\n			END_OBJECT=DataField_{n}'
)
CORE = """GROUP = INVENTORYMETADATA
  GROUP = RANGEDATETIME
    OBJECT = RANGEBEGINNINGDATE
      NUM_VAL = 1
      VALUE = "{first}"
    END_OBJECT = RANGEBEGINNINGDATE
    OBJECT = RANGEENDINGDATE
      NUM_VAL = 1
      VALUE = "{last}"
    END_OBJECT = RANGEENDINGDATE
  END_GROUP = RANGEDATETIME
END_GROUP = INVENTORYMETADATA
END
"""


def write_hdf(path, layers, left, top, cell, *, dates=None, fill=None, factor=None, projection="GCTP_SNSOID", struct=None):
    """Write an HDF4-EOS grid with these layers (name -> array); `fill`, `factor`: _FillValue and scale_factor by name."""
    from pyhdf.SD import SD, SDC

    kinds = {"int8": SDC.INT8, "uint8": SDC.UINT8, "int16": SDC.INT16, "uint16": SDC.UINT16, "uint32": SDC.UINT32, "float32": SDC.FLOAT32}
    path.parent.mkdir(parents=True, exist_ok=True)
    rows, cols = next(iter(layers.values())).shape
    file = SD(str(path), SDC.WRITE | SDC.CREATE | SDC.TRUNC)
    for name, values in layers.items():
        data = file.create(name, kinds[str(values.dtype)], values.shape)
        if name in (fill or {}):
            data.setfillvalue(fill[name])
        if name in (factor or {}):
            data.attr("scale_factor").set(SDC.FLOAT64, factor[name])
        data[:] = values
        data.endaccess()
    fields = "\n".join(FIELD.format(n=n, name=name) for n, name in enumerate(layers, 1))
    size = {"rows": rows, "cols": cols, "left": left, "top": top, "right": left + cols * cell, "bottom": top - rows * cell}
    file.attr("StructMetadata.0").set(SDC.CHAR8, struct or STRUCT.format(fields=fields, projection=projection, **size))
    if dates:
        file.attr("CoreMetadata.0").set(SDC.CHAR8, CORE.format(first=dates[0], last=dates[1]))
    file.end()
    return path


def landsat_bundle(target, product, suffixes=("MTL.xml",), images=True):
    """Copy one of the three real Landsat products of ../shared/data, with the metadata files of these endings only."""
    target.mkdir(parents=True, exist_ok=True)
    for path in (SHARED / "landsat_c2l2_scenes_qa_pixel").glob(f"*_{product}_*"):
        if path.name.endswith(suffixes) or (images and path.suffix == ".TIF"):
            (target / path.name).write_bytes(path.read_bytes())
    return target


def saved(features):
    """Return items as the text of a collection."""
    return json.dumps({"type": "FeatureCollection", "features": features})
